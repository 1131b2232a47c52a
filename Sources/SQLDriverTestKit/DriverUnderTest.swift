public import StorageSQL
public import StorageTestKit

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
    /// Makes an empty database and gives a way to open connections to it; `nil` where that may not be done.
    public var makeDatabase: (@Sendable () throws -> EmptyDatabase)?

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        open: @escaping @Sendable () throws -> any SQLConnection,
        sever: (@Sendable (_ victim: any SQLConnection) throws -> Void)? = nil,
        openThrough: (@Sendable (_ proxy: FaultProxy) throws -> any SQLConnection)? = nil, port: UInt16 = 0,
        makeDatabase: (@Sendable () throws -> EmptyDatabase)? = nil
    ) {
        self.open = open
        self.sever = sever
        self.openThrough = openThrough
        self.port = port
        self.makeDatabase = makeDatabase
    }

    /// What the cases can be held to here.
    public var needs: DriverNeeds {
        var needs: DriverNeeds = []
        if sever != nil { needs.insert(.server) }
        if openThrough != nil { needs.insert(.proxy) }
        if makeDatabase != nil { needs.insert(.ownDatabase) }
        return needs
    }

    /// The same with another prefix for the tables that the cases make, so that they cannot meet others in a database
    /// that is in use.
    ///
    /// - Parameter prefix: 1 to 16 lower-case letters, digits and underscores, the first a letter.
    public func naming(tables prefix: String) -> DriverUnderTest {
        var driver = self
        let (open, openThrough) = (open, openThrough)
        driver.open = { RenamingConnection(try open(), prefix: prefix) }
        if let openThrough {
            driver.openThrough = { RenamingConnection(try openThrough($0), prefix: prefix) }
        }
        return driver
    }
}

/// A database of its own for one case.
public struct EmptyDatabase: Sendable {
    /// Opens a connection to it, on the thread that uses it.
    public var open: @Sendable () throws -> any SQLConnection
    /// Removes it, after all connections were closed.
    public var remove: @Sendable () -> Void

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        open: @escaping @Sendable () throws -> any SQLConnection, remove: @escaping @Sendable () -> Void
    ) {
        self.open = open
        self.remove = remove
    }
}

/// What a case needs beside a connection.
public struct DriverNeeds: OptionSet, Sendable, Hashable, CustomStringConvertible {
    /// One bit for each.
    public let rawValue: Int

    /// - Parameter rawValue: One bit for each need.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// A server that ends connections: ``DriverUnderTest/sever``.
    public static let server = DriverNeeds(rawValue: 1 << 0)
    /// A connection through a proxy: ``DriverUnderTest/openThrough``.
    public static let proxy = DriverNeeds(rawValue: 1 << 1)
    /// An empty database: ``DriverUnderTest/makeDatabase``.
    public static let ownDatabase = DriverNeeds(rawValue: 1 << 2)

    private static let names: [(DriverNeeds, String)] = [
        (.server, "a server that ends connections"), (.proxy, "a connection through a proxy"),
        (.ownDatabase, "a database of its own"),
    ]

    /// Their names, separated by commas.
    public var description: String { Self.names.filter { contains($0.0) }.map(\.1).joined(separator: ", ") }
}

/// One thing that every driver does.
public struct DriverCase: Sendable, CustomStringConvertible {
    /// What is shown, as a sentence.
    public let description: String
    /// What has to be there for it to be shown.
    public let needs: DriverNeeds
    private let body: @Sendable (DriverUnderTest) throws -> Void

    init(
        _ description: String, needs: DriverNeeds = [], _ body: @escaping @Sendable (DriverUnderTest) throws -> Void
    ) {
        self.description = description
        self.needs = needs
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
    /// Every case.
    public static let cases: [DriverCase] =
        values + constraints + transactions + statements + connections + migrations

    /// The cases that a driver can be held to where these things are there.
    public static func cases(having needs: DriverNeeds) -> [DriverCase] {
        cases.filter { $0.needs.isSubset(of: needs) }
    }

    /// Runs every case, one after the other, for some minutes at worst; blocks the thread that it runs on.
    ///
    /// - Parameters:
    ///   - driver: What is tested.
    ///   - each: Is told of each result as it comes.
    /// - Returns: All results, with those that were left out because something that they need is not there.
    public static func run(
        on driver: DriverUnderTest, each: (ConformanceResult) -> Void = { _ in }
    ) -> ConformanceReport {
        var report = ConformanceReport()
        for testCase in cases {
            let missing = testCase.needs.subtracting(driver.needs)
            let result =
                if missing.isEmpty {
                    ConformanceResult.measured(testCase.description) { try testCase.run(on: driver) }
                } else {
                    ConformanceResult(name: testCase.description, outcome: .skipped("needs \(missing)"), took: .zero)
                }
            report.results.append(result)
            each(result)
        }
        return report
    }
}
