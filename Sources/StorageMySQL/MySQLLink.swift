internal import CMariaDB
internal import ClusterCore
internal import Glibc
internal import StorageSQL

/// How a handle of libmariadb is made and connected to one server.
struct MySQLLink: Sendable {
    /// Values are at most 1 MB; a row has a few.
    private static let packetBytes: UInt = 16 << 20
    /// Where Debian and its relatives keep the authorities that a system trusts.
    private static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// Once a process, before any thread uses the library.
    private static let isReady: Bool = cmariadb_init() == 0

    let address: MySQLAddress
    let limits: MySQLLimits
    let host: MySQLAddress.Host
    /// The addresses of the host, none for a socket.
    let addresses: [String]
    let password: String

    /// Connects; blocks, for how long depends on the server.
    ///
    /// - Throws: ``ClusterCore/StorageError`` with no password in it.
    func connect() throws -> UnsafeMutablePointer<MYSQL> {
        guard Self.isReady else { throw StorageError(.failed, "the library libmariadb cannot be used") }
        Self.ignoreBrokenPipes()
        guard address.tls == .preferred else { return try attempt(encrypted: address.tls != .disabled) }
        do {
            return try attempt(encrypted: true)
        } catch let error as StorageError where error.nativeCode == "error \(CR_SSL_CONNECTION_ERROR)" {
            return try attempt(encrypted: false)
        }
    }

    /// That the server did not answer in time.
    func late(_ limit: Duration) -> StorageError {
        StorageError(
            .timeout, "cannot connect to \(address) at \(address.socket ?? "\(host)"): no answer within \(limit)",
            advice: "check that the server runs and can be reached")
    }

    /// Tries the addresses of the host in turn. A name that is compared with the certificate has to be the library's own
    /// to look up.
    private func attempt(encrypted: Bool) throws -> UnsafeMutablePointer<MYSQL> {
        guard address.socket == nil, address.tls != .verifyIdentity else {
            return try attempt(address.socket == nil ? host.name : "localhost", encrypted: encrypted)
        }
        var first: (any Error)?
        for target in addresses {
            do {
                return try attempt(target, encrypted: encrypted)
            } catch let error as StorageError {
                guard error.code == .unavailable || error.code == .timeout else { throw error }
                if first == nil { first = error }
            }
        }
        throw first ?? StorageError(.unavailable, "the name \(host.name) has no address")
    }

    private func attempt(_ target: String, encrypted: Bool) throws -> UnsafeMutablePointer<MYSQL> {
        guard let handle = mysql_init(nil) else { throw StorageError(.unavailable, "out of memory") }
        set(handle, encrypted: encrypted)
        let flags = UInt(CLIENT_FOUND_ROWS)
        let connected = mysql_real_connect(
            handle, target, address.user, password, address.database, UInt32(host.port), address.socket, flags)
        guard connected != nil else {
            let failure = MySQLFailure(connection: handle)
            mysql_close(handle)
            throw failure.connecting(to: address.socket ?? "\(host)", of: address)
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
        // From byte to byte; what takes longer in all is ended by others.
        set(MYSQL_OPT_CONNECT_TIMEOUT, Self.seconds(limits.connect / max(addresses.count, 1)))
        let statement = Self.seconds(limits.statement + limits.grace)
        set(MYSQL_OPT_READ_TIMEOUT, statement)
        set(MYSQL_OPT_WRITE_TIMEOUT, statement)
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

    /// A server that closes must not end the process: OpenSSL writes without MSG_NOSIGNAL. The threads that use the
    /// library alone are asked not to be told.
    static func ignoreBrokenPipes() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
