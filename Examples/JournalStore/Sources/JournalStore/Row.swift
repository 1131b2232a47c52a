internal import ClusterCore

/// One thing that a transaction did to the tables; a record of the journal is a list of these.
enum Row: Sendable {
    case cluster(ClusterID, createdAt: Timestamp)
    case revision(Revision)
    case state(StoreState)
    case setting(String, String?)
    case secret(SealedSecret)
    case noSecret(SecretID)
    case user(User)
    case noUser(UserID)
    case certificate(CertificateRecord)
    case refusal(TokenRefusal)
    case noRefusal(TokenSessionID)
    case failures(LoginFailures)
    case noFailures(UserID)
    case node(Node)
    case session(Session)
    /// The session is over: it goes from the live ones into the log.
    case log(ConnectionLogEntry)
    case noLog(SessionRecordID)
    case memory(NodeID, AddressMemory)
    case noMemory(UserID)
    case audit(AuditEntry)
    case noAudit(AuditPosition)
}

extension Row {
    func write(to writer: inout ByteWriter) {
        func tagged(_ tag: Int64, _ body: (inout ByteWriter) -> Void) {
            writer.write(tag)
            body(&writer)
        }
        switch self {
        case .cluster(let id, let createdAt):
            tagged(1) {
                $0.write(id)
                $0.write(createdAt)
            }
        case .revision(let revision): tagged(2, revision.write)
        case .state(let state):
            tagged(3) {
                $0.write(state.phase.rawValue)
                $0.write(state.target) { $0.write($1) }
                $0.write(state.since)
            }
        case .setting(let name, let value):
            tagged(4) {
                $0.write(name)
                $0.write(value) { $0.write($1) }
            }
        case .secret(let secret): tagged(5, secret.write)
        case .noSecret(let id): tagged(6) { $0.write(id) }
        case .user(let user): tagged(7, user.write)
        case .noUser(let id): tagged(8) { $0.write(id) }
        case .certificate(let certificate): tagged(9, certificate.write)
        case .refusal(let refusal): tagged(10, refusal.write)
        case .noRefusal(let id): tagged(11) { $0.write(id.bytes) }
        case .failures(let failures): tagged(12, failures.write)
        case .noFailures(let user): tagged(13) { $0.write(user) }
        case .node(let node): tagged(14, node.write)
        case .session(let session): tagged(15, session.write)
        case .log(let entry): tagged(16, entry.write)
        case .noLog(let id): tagged(17) { $0.write(id) }
        case .memory(let node, let memory):
            tagged(18) {
                $0.write(node)
                memory.write(to: &$0)
            }
        case .noMemory(let user): tagged(19) { $0.write(user) }
        case .audit(let entry): tagged(20, entry.write)
        case .noAudit(let position):
            tagged(21) {
                $0.write(position.revision)
                $0.write(Int64(position.index))
            }
        }
    }

    init(from reader: inout ByteReader) throws {
        switch try reader.number() {
        case 1: self = .cluster(try reader.id(), createdAt: try reader.time())
        case 2: self = .revision(try Revision(from: &reader))
        case 3:
            self = .state(
                StoreState(
                    phase: try reader.some(StoreState.Phase(rawValue: try reader.text())),
                    target: try reader.optional { try $0.text() }, since: try reader.time()))
        case 4: self = .setting(try reader.text(), try reader.optional { try $0.text() })
        case 5: self = .secret(try SealedSecret(from: &reader))
        case 6: self = .noSecret(try reader.id())
        case 7: self = .user(try User(from: &reader))
        case 8: self = .noUser(try reader.id())
        case 9: self = .certificate(try CertificateRecord(from: &reader))
        case 10: self = .refusal(try TokenRefusal(from: &reader))
        case 11: self = .noRefusal(try reader.some(TokenSessionID(bytes: try reader.data())))
        case 12: self = .failures(try LoginFailures(from: &reader))
        case 13: self = .noFailures(try reader.id())
        case 14: self = .node(try Node(from: &reader))
        case 15: self = .session(try Session(from: &reader))
        case 16: self = .log(try ConnectionLogEntry(from: &reader))
        case 17: self = .noLog(try reader.id())
        case 18: self = .memory(try reader.id(), try AddressMemory(from: &reader))
        case 19: self = .noMemory(try reader.id())
        case 20: self = .audit(try AuditEntry(from: &reader))
        case 21:
            self = .noAudit(
                AuditPosition(
                    revision: try reader.number(), index: try reader.some(Int(exactly: try reader.number()))))
        default: throw ByteReader.Malformed()
        }
    }
}
