internal import ClusterCore
internal import VPNFormats

extension Session: StoredRow {
    static let table = "sessions"
    static let columns = [
        "id", "token_session", "user_id", "user_name", "certificate", "node_id", "node_epoch", "remote_address", "ipv4",
        "ipv6", "cipher", "client_version", "client_platform", "connected_at", "updated_at", "bytes_received",
        "bytes_sent",
    ]
    static let selection = makeSelection()

    var values: [SQLValue] {
        [
            .blob(id.bytes), .blob(tokenSession.bytes), .blob(user.bytes), .text(userName.bounded(bytes: 255)),
            .blob(certificate?.bytes), .blob(node.bytes), .integer(nodeEpoch), .text("\(remoteAddress)"),
            .blob(ipv4?.bytes), .blob(ipv6?.bytes), .text(cipher.bounded(bytes: 64)),
            .text(clientVersion.bounded(bytes: 64)), .text(clientPlatform.bounded(bytes: 64)),
            .integer(connectedAt.microseconds), .integer(updatedAt.microseconds), .integer(traffic.bytesReceived),
            .integer(traffic.bytesSent),
        ]
    }

    init(from row: inout RowReader) throws {
        self.init(
            id: try row.identifier(), tokenSession: try row.bytes { TokenSessionID(bytes: $0) },
            user: try row.identifier(), userName: try row.text(),
            certificate: try row.optionalBytes { CertificateSerial(bytes: $0) }, node: try row.identifier(),
            nodeEpoch: try row.integer(), remoteAddress: try row.text { SocketAddress($0) },
            ipv4: try row.optionalBytes { IPv4Address(bytes: $0) },
            ipv6: try row.optionalBytes { IPv6Address(bytes: $0) }, cipher: try row.text(),
            clientVersion: try row.text(), clientPlatform: try row.text(), connectedAt: try row.timestamp(),
            updatedAt: try row.timestamp(),
            traffic: Traffic(bytesReceived: try row.integer(), bytesSent: try row.integer()))
    }
}

extension ConnectionLogEntry: StoredRow {
    static let table = "connection_log"
    static let columns = Session.columns + ["ended_at", "reason"]
    static let selection = makeSelection()

    var values: [SQLValue] { session.values + [.integer(endedAt.microseconds), .text(reason.bounded(bytes: 64))] }

    init(from row: inout RowReader) throws {
        self.init(session: try Session(from: &row), endedAt: try row.timestamp(), reason: try row.text())
    }
}

/// The addresses that a client last had on one node; a client without a certificate has an empty one as key.
struct AddressMemoryRow: StoredRow {
    static let table = "address_memory"
    static let columns = ["node_id", "user_id", "certificate", "ipv4", "ipv6", "used_at"]
    static let selection = makeSelection()

    var node: NodeID
    var memory: AddressMemory

    var values: [SQLValue] {
        [
            .blob(node.bytes), .blob(memory.user.bytes), .blob(memory.certificate?.bytes ?? []),
            .blob(memory.ipv4?.bytes), .blob(memory.ipv6?.bytes), .integer(memory.usedAt.microseconds),
        ]
    }

    init(node: NodeID, memory: AddressMemory) {
        self.node = node
        self.memory = memory
    }

    init(from row: inout RowReader) throws {
        let node = try row.identifier(Node.self)
        let user = try row.identifier(User.self)
        let serial = try row.bytes()
        let certificate = CertificateSerial(bytes: serial)
        guard serial.isEmpty || certificate != nil else { throw row.malformed() }
        self.init(
            node: node,
            memory: AddressMemory(
                user: user, certificate: certificate, ipv4: try row.optionalBytes { IPv4Address(bytes: $0) },
                ipv6: try row.optionalBytes { IPv6Address(bytes: $0) }, usedAt: try row.timestamp()))
    }
}
