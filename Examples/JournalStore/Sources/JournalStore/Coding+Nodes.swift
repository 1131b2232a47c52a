internal import ClusterCore
internal import VPNFormats

// How nodes, sessions and the audit log are written.

extension Node {
    func write(to writer: inout ByteWriter) {
        writer.write(id)
        for text in [name, hostname, softwareVersion, state.rawValue] { writer.write(text) }
        writer.write(epoch)
        writer.write(generation)
        writer.write(subnets.map(\.description).joined(separator: " "))
        for time in [createdAt, startedAt, lastSeenAt] { writer.write(time) }
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            id: try reader.id(), name: try reader.text(), hostname: try reader.text(),
            softwareVersion: try reader.text(), state: try reader.some(State(rawValue: try reader.text())),
            epoch: try reader.number(), generation: try reader.number(),
            subnets: try reader.text().split(separator: " ").map { try reader.some(IPPrefix(String($0))) },
            createdAt: try reader.time(), startedAt: try reader.time(), lastSeenAt: try reader.time())
    }
}

extension Session {
    func write(to writer: inout ByteWriter) {
        writer.write(id)
        writer.write(tokenSession.bytes)
        writer.write(user)
        writer.write(userName)
        writer.write(certificate) { $0.write($1.bytes) }
        writer.write(node)
        writer.write(nodeEpoch)
        writer.write(remoteAddress.description)
        writer.write(ipv4) { $0.write($1.bytes) }
        writer.write(ipv6) { $0.write($1.bytes) }
        for text in [cipher, clientVersion, clientPlatform] { writer.write(text) }
        writer.write(connectedAt)
        writer.write(updatedAt)
        writer.write(traffic.bytesReceived)
        writer.write(traffic.bytesSent)
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            id: try reader.id(), tokenSession: try reader.some(TokenSessionID(bytes: try reader.data())),
            user: try reader.id(), userName: try reader.text(),
            certificate: try reader.optional { try $0.some(CertificateSerial(bytes: $0.data())) },
            node: try reader.id(), nodeEpoch: try reader.number(),
            remoteAddress: try reader.some(SocketAddress(try reader.text())),
            ipv4: try reader.optional { try $0.some(IPv4Address(bytes: $0.data())) },
            ipv6: try reader.optional { try $0.some(IPv6Address(bytes: $0.data())) }, cipher: try reader.text(),
            clientVersion: try reader.text(), clientPlatform: try reader.text(), connectedAt: try reader.time(),
            updatedAt: try reader.time(),
            traffic: Traffic(bytesReceived: try reader.number(), bytesSent: try reader.number()))
    }
}

extension ConnectionLogEntry {
    func write(to writer: inout ByteWriter) {
        session.write(to: &writer)
        writer.write(endedAt)
        writer.write(reason)
    }

    init(from reader: inout ByteReader) throws {
        self.init(session: try Session(from: &reader), endedAt: try reader.time(), reason: try reader.text())
    }
}

extension AddressMemory {
    func write(to writer: inout ByteWriter) {
        writer.write(user)
        writer.write(certificate) { $0.write($1.bytes) }
        writer.write(ipv4) { $0.write($1.bytes) }
        writer.write(ipv6) { $0.write($1.bytes) }
        writer.write(usedAt)
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            user: try reader.id(),
            certificate: try reader.optional { try $0.some(CertificateSerial(bytes: $0.data())) },
            ipv4: try reader.optional { try $0.some(IPv4Address(bytes: $0.data())) },
            ipv6: try reader.optional { try $0.some(IPv6Address(bytes: $0.data())) }, usedAt: try reader.time())
    }
}

extension Revision {
    func write(to writer: inout ByteWriter) {
        writer.write(lineage)
        writer.write(number)
        writer.write(change)
    }

    init(from reader: inout ByteReader) throws {
        self.init(lineage: try reader.id(), number: try reader.number(), change: try reader.id())
    }
}

extension AuditEntry {
    func write(to writer: inout ByteWriter) {
        writer.write(revision)
        writer.write(Int64(index))
        writer.write(change)
        writer.write(at)
        for text in [actor.kind.rawValue, actor.name, action.rawValue, entity.kind.rawValue, entity.id, detail] {
            writer.write(text)
        }
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            revision: try reader.number(), index: try reader.some(Int(exactly: try reader.number())),
            change: try reader.id(), at: try reader.time(),
            actor: AuditActor(
                kind: try reader.some(AuditActor.Kind(rawValue: try reader.text())), name: try reader.text()),
            action: AuditAction(rawValue: try reader.text()),
            entity: ChangedEntity(kind: EntityKind(rawValue: try reader.text()), id: try reader.text()),
            detail: try reader.text())
    }
}
