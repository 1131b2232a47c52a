internal import CMariaDB
internal import ClusterCore
internal import Glibc
internal import StorageSQL
internal import Synchronization

/// How a handle of libmariadb is made and connected.
struct MySQLLink {
    /// Values are at most 1 MB; a row has a few.
    private static let packetBytes: UInt = 16 << 20
    /// Where Debian and its relatives keep the authorities that a system trusts.
    private static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"
    /// How long the server has, beyond the statement's own limit, to say that the limit passed.
    private static let grace: Int64 = 5

    /// Once a process, before any thread uses the library.
    private static let isReady: Bool = cmariadb_init() == 0

    let address: MySQLAddress
    let options: MySQLOptions

    /// Connects to one host; blocks.
    ///
    /// - Throws: ``ClusterCore/StorageError`` with no password in it.
    func connect(to host: MySQLAddress.Host) throws -> UnsafeMutablePointer<MYSQL> {
        guard Self.isReady else { throw StorageError(.failed, "the library libmariadb cannot be used") }
        Self.ignoreBrokenPipes()
        let password = try address.currentPassword()
        guard address.tls == .preferred else {
            return try attempt(host, password, encrypted: address.tls != .disabled)
        }
        do {
            return try attempt(host, password, encrypted: true)
        } catch let error as StorageError where error.nativeCode == "error \(CR_SSL_CONNECTION_ERROR)" {
            return try attempt(host, password, encrypted: false)
        }
    }

    private func attempt(
        _ host: MySQLAddress.Host, _ password: String, encrypted: Bool
    ) throws -> UnsafeMutablePointer<MYSQL> {
        guard let handle = mysql_init(nil) else { throw StorageError(.unavailable, "out of memory") }
        set(handle, encrypted: encrypted)
        let flags = UInt(CLIENT_FOUND_ROWS)
        let socket = address.socket
        let connected = mysql_real_connect(
            handle, socket == nil ? host.name : "localhost", address.user, password, address.database,
            UInt32(host.port), socket, flags)
        guard connected != nil else {
            let failure = MySQLFailure(connection: handle)
            mysql_close(handle)
            throw failure.connecting(to: socket ?? "\(host)", of: address)
        }
        // The library itself goes on in clear when a server has no TLS, unless the host's name is verified.
        guard !encrypted || address.tls == .preferred || mysql_get_ssl_cipher(handle) != nil else {
            mysql_close(handle)
            throw StorageError(
                .unavailable, "cannot connect to \(address): the server at \(host) has no TLS",
                advice: "turn TLS on at the server, or see ssl-mode")
        }
        return handle
    }

    private func set(_ handle: UnsafeMutablePointer<MYSQL>, encrypted: Bool) {
        func set(_ option: mysql_option, _ value: UInt32) {
            withUnsafePointer(to: value) { _ = mysql_options(handle, option, $0) }
        }
        func set(_ option: mysql_option, _ value: String) { _ = mysql_options(handle, option, value) }
        func flag(_ option: mysql_option, _ value: Bool) {
            withUnsafePointer(to: my_bool(value ? 1 : 0)) { _ = mysql_options(handle, option, $0) }
        }
        let connect = Self.seconds(address.connectTimeout ?? options.connectTimeout)
        let statement = Self.seconds(options.statementTimeout)
        set(MYSQL_OPT_CONNECT_TIMEOUT, connect)
        set(MYSQL_OPT_READ_TIMEOUT, UInt32(clamping: Int64(statement) + Self.grace))
        set(MYSQL_OPT_WRITE_TIMEOUT, UInt32(clamping: Int64(statement) + Self.grace))
        // No file of this machine is ever sent to a server that asks for it.
        set(MYSQL_OPT_LOCAL_INFILE, 0)
        withUnsafePointer(to: Self.packetBytes) { _ = mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, $0) }
        set(MYSQL_SET_CHARSET_NAME, "utf8mb4")
        if address.socket == nil { set(MYSQL_OPT_PROTOCOL, MYSQL_PROTOCOL_TCP.rawValue) }
        let verifies = address.tls == .verifyIdentity || address.tls == .verifyCA
        // A password goes out in clear only to a server that was verified; with verify_ca the library would also send it
        // to one without TLS.
        let methods = "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,parsec"
        set(MARIADB_OPT_RESTRICTED_AUTH, address.tls == .verifyIdentity ? methods + ",mysql_clear_password" : methods)
        guard encrypted else { return }
        flag(MYSQL_OPT_SSL_ENFORCE, true)
        flag(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, address.tls == .verifyIdentity)
        set(MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3")
        if verifies { set(MYSQL_OPT_SSL_CA, address.authorities ?? Self.systemAuthorities) }
        if let certificate = address.certificate, let key = address.key {
            set(MYSQL_OPT_SSL_CERT, certificate)
            set(MYSQL_OPT_SSL_KEY, key)
        }
    }

    private static func seconds(_ duration: Duration) -> UInt32 {
        UInt32(clamping: max(1, (duration.wholeMicroseconds + 999_999) / 1_000_000))
    }

    /// A server that closes must not end the process: OpenSSL writes without MSG_NOSIGNAL. The connection's thread
    /// alone is asked not to be told.
    private static func ignoreBrokenPipes() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}

/// Stops the statement of a connection, from another thread, by a connection of its own.
final class MySQLCanceller: StatementCanceller {
    private let link: MySQLLink
    private let host: MySQLAddress.Host
    private let thread: UInt
    private let isStoppable = Mutex(false)

    init(_ link: MySQLLink, _ host: MySQLAddress.Host, thread: UInt) {
        self.link = link
        self.host = host
        self.thread = thread
    }

    /// Runs a statement that may be stopped. Whoever is about to stop it is waited for, so that it hits no later one.
    func running<T>(_ body: () throws -> T) rethrows -> T {
        isStoppable.withLock { $0 = true }
        defer { isStoppable.withLock { $0 = false } }
        return try body()
    }

    func cancel() {
        isStoppable.withLock { isStoppable in
            guard isStoppable, let handle = try? link.connect(to: host) else { return }
            _ = mysql_query(handle, "KILL QUERY \(thread)")
            mysql_close(handle)
        }
    }
}
