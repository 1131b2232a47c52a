internal import ClusterCore
internal import VPNEngine
internal import VPNProtocol

extension Refusal {
    /// What the protocol says for a reason of the cluster's policy.
    init(_ reason: RefusalReason) {
        let form: Form =
            switch reason.form {
            case .failed: .failed
            case .sessionExpired: .sessionExpired
            case .temporary(let seconds, let advance):
                .temporary(backoffSeconds: UInt32(clamping: seconds), advance: AuthFailure.Temporary.Advance(advance))
            }
        self.init(form, text: reason.clientText)
    }
}

extension AuthFailure.Temporary.Advance {
    /// What the protocol calls a direction of the cluster's policy.
    init(_ advance: RefusalAdvance) {
        switch advance {
        case .no: self = .no
        case .addr: self = .address
        case .remote: self = .remote
        }
    }
}

extension Keepalive {
    /// The times of the cluster's settings.
    init(_ timing: ConnectionTiming) {
        self.init(
            serverPing: timing.serverPing, clientPing: UInt32(clamping: timing.clientPingSeconds),
            clientRestart: UInt32(clamping: timing.clientRestartSeconds), serverTimeout: timing.serverTimeout)
    }
}

extension EndReason {
    /// A stable word for the connection log.
    var word: String {
        switch self {
        case .clientExit: "client-exit"
        case .timeout: "timeout"
        case .handshakeTimeout: "handshake-timeout"
        case .tlsFailed: "tls-failed"
        case .protocolError: "protocol-error"
        case .refused: "refused"
        case .ended: "ended"
        }
    }
}
