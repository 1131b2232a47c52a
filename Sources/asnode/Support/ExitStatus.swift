internal import ClusterCore
internal import ClusterOperations
internal import NodeRuntime
internal import VPNEngine

/// How the process ends, as in `sysexits.h`.
enum ExitStatus: Int32 {
    case usage = 64
    case badData = 65
    case noSuchUser = 67
    case unavailable = 69
    case software = 70
    case cannotCreate = 73
    case inputOutput = 74
    case tryLater = 75
    case notPermitted = 77
    case configuration = 78
}

/// An error as the command line reports it: one line and an exit status.
struct Failure: Error {
    var status: ExitStatus
    var message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = OneLine.of(message)
    }
}

/// Text for one line of a terminal.
enum OneLine {
    /// The text with line ends as spaces, and control characters, which could steer a terminal, left out.
    static func of(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            if scalar == "\n" || scalar == "\t" {
                line += " "
            } else if scalar.value >= 0x20, !(0x7F...0x9F).contains(scalar.value) {
                line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}

extension Failure {
    /// The failure that an error of the library is; `nil` for errors of the argument parser, which reports its own.
    init?(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as OperationError: self.init(ExitStatus(error), error.message)
        case let error as StorageError: self.init(ExitStatus(error.code), error.description)
        case let error as SnapshotError: self.init(.configuration, error.description)
        case let error as SecretsError: self.init(.configuration, error.description)
        case let error as ProfileError: self.init(.configuration, error.description)
        case let error as PKIError: self.init(.configuration, error.description)
        case let error as SettingError: self.init(.usage, error.description)
        case let error as EngineError: self.init(ExitStatus(error.code), error.description)
        case let error as NodeError: self.init(ExitStatus(error.code), error.description)
        case is CancellationError: self.init(.tryLater, "interrupted")
        default: return nil
        }
    }
}

extension ExitStatus {
    init(_ error: OperationError) {
        let table: [(OperationError.Code, ExitStatus)] = [
            (.invalidArgument, .usage), (.badData, .badData), (.noSuchUser, .noSuchUser), (.notFound, .badData),
            (.unavailable, .unavailable), (.alreadyExists, .cannotCreate), (.cannotCreate, .cannotCreate),
            (.inputOutput, .inputOutput), (.tryLater, .tryLater), (.notPermitted, .notPermitted),
            (.configuration, .configuration),
        ]
        self = table.first { $0.0 == error.code }?.1 ?? .software
    }

    init(_ code: StorageError.Code) {
        let table: [(StorageError.Code, ExitStatus)] = [
            (.corrupt, .badData), (.foreign, .badData), (.tampered, .badData), (.malformedRow, .badData),
            (.invalid, .badData), (.schemaTooNew, .configuration), (.schemaTooOld, .configuration),
            (.notFound, .configuration), (.permission, .notPermitted), (.readOnly, .inputOutput),
            (.outOfSpace, .inputOutput), (.busy, .tryLater), (.conflict, .tryLater), (.timeout, .tryLater),
            (.outdated, .tryLater), (.moving, .tryLater), (.fenced, .tryLater), (.unavailable, .unavailable),
            (.connectionLost, .unavailable), (.commitUnknown, .unavailable), (.closed, .unavailable),
            (.failed, .unavailable),
        ]
        self = table.first { $0.0 == code }?.1 ?? (code.constraintName == nil ? .software : .badData)
    }

    init(_ code: NodeError.Code) {
        self = code == .fenced ? .tryLater : .configuration
    }

    init(_ code: EngineError.Code) {
        let table: [(EngineError.Code, ExitStatus)] = [
            (.addressInUse, .unavailable), (.addressUnavailable, .unavailable), (.permission, .notPermitted),
            (.noTunnelDevice, .unavailable), (.egress, .unavailable), (.credentials, .configuration),
            (.configuration, .configuration), (.system, .unavailable),
        ]
        self = table.first { $0.0 == code }?.1 ?? .software
    }
}
