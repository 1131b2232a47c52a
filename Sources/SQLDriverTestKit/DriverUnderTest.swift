public import StorageSQL

/// A driver and a database that its conformance is tested on.
///
/// The database holds nothing that matters. The cases make tables whose names begin with `kit_` and drop them again;
/// they run one at a time and block the thread that they run on, for some minutes in all at worst.
public struct DriverUnderTest: Sendable {
    /// Opens a connection for reading and writing, on the thread that uses it.
    public var open: @Sendable () throws -> any SQLConnection
    /// Has the server end a connection, as an operator would; `nil` where there is no server.
    public var sever: (@Sendable (_ victim: any SQLConnection) throws -> Void)?
    /// Opens a connection through a proxy, without TLS; `nil` where there is no network.
    public var openThrough: (@Sendable (_ proxy: FaultProxy) throws -> any SQLConnection)?
    /// The port on 127.0.0.1 where the server listens, 0 where there is none.
    public var port: UInt16

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        open: @escaping @Sendable () throws -> any SQLConnection,
        sever: (@Sendable (_ victim: any SQLConnection) throws -> Void)? = nil,
        openThrough: (@Sendable (_ proxy: FaultProxy) throws -> any SQLConnection)? = nil, port: UInt16 = 0
    ) {
        self.open = open
        self.sever = sever
        self.openThrough = openThrough
        self.port = port
    }
}

/// One thing that every driver does.
public struct DriverCase: Sendable, CustomStringConvertible {
    /// What is shown, as a sentence.
    public let description: String
    private let body: @Sendable (DriverUnderTest) throws -> Void

    init(_ description: String, _ body: @escaping @Sendable (DriverUnderTest) throws -> Void) {
        self.description = description
        self.body = body
    }

    /// Shows it; blocks.
    ///
    /// - Throws: ``DriverCaseFailure`` when the driver does otherwise; what the driver threw where it should not have.
    public func run(on driver: DriverUnderTest) throws { try body(driver) }
}

/// What a driver did that it should not have done.
public struct DriverCaseFailure: Error, CustomStringConvertible {
    /// What it was.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// The cases for all drivers.
public enum DriverConformance {
    /// The cases that a driver can be held to.
    ///
    /// - Parameters:
    ///   - hasServer: Whether the database is a server, so that connections can be lost.
    public static func cases(hasServer: Bool) -> [DriverCase] {
        values + constraints + transactions + statements + (hasServer ? connections : [])
    }
}
