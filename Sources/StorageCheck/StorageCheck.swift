public import ClusterCore
internal import SQLDriverTestKit
public import StorageBackends
internal import StorageSQL
public import StorageTestKit

/// Runs the conformance cases on a database, to find out whether a cluster can rely on it.
///
/// The cases work in places of their own, which are removed afterwards; nothing else in the database is touched.
public struct StorageCheck: Sendable {
    /// What is known before the cases run.
    public struct Preparation: Sendable {
        /// The database.
        public let facts: DatabaseFacts
        /// Where the cases work, for people.
        public let place: String
        fileprivate let makes: CheckPlace
    }

    private let url: DatabaseURL
    private let options: DatabaseOptions

    /// A check of a database.
    public init(_ url: DatabaseURL) throws {
        var generator = SystemRandomNumberGenerator()
        let key = ClusterKey.generate(using: &generator)
        let authenticator = ClusterRowAuthenticator(key: key, clusterID: ClusterID(using: &generator))
        self.url = url
        options = DatabaseOptions(authenticator: authenticator, retry: RetryPolicy(tries: 50, time: .seconds(30)))
    }

    /// Looks at the database, and finds out where the cases can work.
    ///
    /// - Throws: ``ClusterCore/StorageError`` when it cannot be reached or used.
    public func prepare() async throws -> Preparation {
        let place = try await onBlockingThread("check") {
            try CheckPlace(url, options: options, random: options.environment.random())
        }
        return Preparation(facts: try await facts(place), place: place.description, makes: place)
    }

    /// Runs the cases for drivers and those for backends, one after the other, for some minutes.
    ///
    /// - Parameters:
    ///   - preparation: Of this check.
    ///   - each: Is told of each result as it comes.
    /// - Returns: All results; when the task was cancelled, those that there are.
    /// - Throws: ``ClusterCore/StorageError`` when there is no place for the cases.
    public func run(
        _ preparation: Preparation, each: @escaping @Sendable (ConformanceResult) -> Void
    ) async throws -> ConformanceReport {
        let place = preparation.makes
        let driver = try await onBlockingThread("check") {
            let namespace = try place.make()
            defer { namespace.remove() }
            return DriverConformance.run(on: self.driver(namespace, place), each: each)
        }
        let backend = await StorageConformance.run(on: backend(preparation.facts, place), each: each)
        try await onBlockingThread("check") { place.sweep() }
        return ConformanceReport(results: driver.results + backend.results)
    }

    /// A file need not be there yet: one beside it tells the same.
    private func facts(_ place: CheckPlace) async throws -> DatabaseFacts {
        guard url.family == .sqlite else { return try await url.facts(options: options, content: false) }
        let namespace = try await onBlockingThread("check") { try place.make() }
        defer { namespace.remove() }
        var facts = try await DatabaseURL(file: namespace.name).facts(options: options, content: false)
        facts.address = "\(url)"
        return facts
    }

    private func driver(_ namespace: DatabaseNamespace, _ place: CheckPlace) -> DriverUnderTest {
        var driver = DriverUnderTest(
            open: namespace.connect,
            makeDatabase: {
                let own = try place.make()
                return EmptyDatabase(open: own.connect, remove: own.remove)
            })
        if url.family != .sqlite { driver.sever = { [url, options] in try Self.sever($0, url, options) } }
        return driver
    }

    /// Has the server end a connection: its own user may.
    private static func sever(
        _ victim: any SQLConnection, _ url: DatabaseURL, _ options: DatabaseOptions
    ) throws {
        let isPostgres = url.family == .postgres
        let question = isPostgres ? "SELECT pg_backend_pid()::bigint" : "SELECT CONNECTION_ID()"
        guard case .integer(let number)? = try victim.rows(question).first?.first else { return }
        let connection = try url.connect(options: options)
        defer { connection.close() }
        if isPostgres {
            _ = try connection.rows("SELECT pg_terminate_backend(\(number))")
        } else {
            try connection.execute("KILL CONNECTION \(number)")
        }
    }

    private func backend(_ facts: DatabaseFacts, _ place: CheckPlace) -> BackendUnderTest {
        var capabilities: StorageCapabilities = [.durable, .faults]
        // Several servers that are written to certify written rows alone.
        if facts.servers == 1 { capabilities.insert(.serializable) }
        if url.family == .sqlite { capabilities.insert(.settableClock) }
        return BackendUnderTest(capabilities: capabilities) { [options, url] clock in
            var environment = options.environment
            if url.family == .sqlite { environment.now = { clock.now() } }
            let shared = SQLBackend.Options(
                authenticator: options.authenticator, environment: environment, retry: options.retry,
                readers: options.readers, writers: url.family == .sqlite ? 1 : options.writers)
            let namespace = try await Self.makeStore(place, environment)
            return StoreUnderTest(
                openFaulty: {
                    let faults = ConnectionFaults()
                    let backend = SQLBackend(options: shared) { _ in faults.lossy(try namespace.connect()) }
                    return FaultyHandle(backend: backend, arm: { faults.arm($0) })
                },
                remove: { try? await onBlockingThread("check") { namespace.remove() } },
                open: { SQLBackend(options: shared) { _ in try namespace.connect() } })
        }
    }

    /// Makes a place with the tables of a store in it.
    private static func makeStore(
        _ place: CheckPlace, _ environment: StorageEnvironment
    ) async throws -> DatabaseNamespace {
        try await onBlockingThread("check") {
            let namespace = try place.make(environment)
            do {
                let connection = try namespace.connect()
                defer { connection.close() }
                try Migrator().migrate(connection)
                return namespace
            } catch {
                namespace.remove()
                throw error
            }
        }
    }
}
