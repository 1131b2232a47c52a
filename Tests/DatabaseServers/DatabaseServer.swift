import Foundation
import Glibc

/// A database server that was started for a test or a measurement, on 127.0.0.1, with a directory and a port of its own.
///
/// It never outlives the process that started it. Starting takes some seconds, and all calls block.
package protocol DatabaseServer: AnyObject, Sendable {
    /// Where it listens.
    var port: UInt16 { get }
    /// Its data, and the certificates of ``ServerDirectory/makeCertificates(owner:)``.
    var directory: ServerDirectory { get }
    /// Its processes: kill, pause and resume them here.
    var process: ServerProcess { get }

    /// Starts it again, after it was stopped or killed, and waits until it answers.
    func start() throws
    /// Ends it in good order; ``start()`` brings it back.
    func stop()

    /// Makes an empty database that ``TestAccount`` may do everything in.
    func createDatabase(_ name: String) throws
    /// Runs statements as the administrator.
    ///
    /// - Parameter database: The database; `nil` for the server's own.
    /// - Returns: What they gave: a line a row, tabulators between the columns.
    @discardableResult
    func run(sql: String, in database: String?) throws -> String

    /// The URL of a database for ``TestAccount``, without TLS.
    ///
    /// - Parameters:
    ///   - port: Another port than the server's, of a proxy.
    ///   - password: Percent-encoded.
    func url(database: String, port: UInt16?, password: String) -> String
    /// The URL of the server's own database for the administrator.
    var administratorURL: String { get }
}

extension DatabaseServer {
    @discardableResult
    package func run(sql: String) throws -> String { try run(sql: sql, in: nil) }

    package func url(database: String, port: UInt16? = nil) -> String {
        url(database: database, port: port, password: TestAccount.encodedPassword)
    }

    /// Tries `look` until it is true, two minutes at most.
    package func waitUntil(_ look: () throws -> Bool) throws {
        var last = "it was not ready"
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .seconds(120) {
            guard process.isRunning else { throw ServerFailure("the server ended\n\(process.lastWords)") }
            do {
                if try look() { return }
            } catch {
                last = "\(error)"
            }
            usleep(50_000)
        }
        throw ServerFailure("the server does not answer: \(last)\n\(process.lastWords)")
    }
}

/// Who gets into the databases of a test server.
package enum TestAccount {
    package static let user = "tester"
    /// Has what URLs, SQL and files could trip over.
    package static let password = "p@ss:w/rd&#% ü"
    package static let encodedPassword = "p%40ss%3Aw%2Frd%26%23%25%20%C3%BC"
}
