import ClusterCore
import ClusterOperations
import StorageSQLite
import Testing
import VPNEngine
import VPNFormats
import VPNProtocol

@testable import NodeRuntime

@Suite("Changes while a node runs")
struct ChangeTests {
    /// What an operator does to a connected client's rights.
    enum Act: String, CaseIterable, Sendable {
        case revokeProfile, removeUser, disableUser, endSession
    }

    @Test(
        "a live session that is no longer allowed ends within a second, with words for its client",
        arguments: Act.allCases)
    func endsSession(_ act: Act) async throws {
        try await Site.with { site in
            let (der, serial) = try await site.certificate(of: "user1")
            try await site.withNode { engine in
                let client = await engine.connect(der, "user1", Site.password)
                let token = try #require(client.decision.grant?.authToken)
                let sessions = SessionOperations(site.session)
                let row = try #require(try await eventually { try await sessions.list().rows.first })
                let start = ContinuousClock.now
                switch act {
                case .revokeProfile: _ = try await ProfileOperations(site.session).revoke(serial.description)
                case .removeUser: try await UserOperations(site.session).remove("user1")
                case .disableUser:
                    _ = try await UserOperations(site.session).change("user1", .init(isEnabled: false))
                case .endSession: #expect(try await sessions.end(String(row.id.description.prefix(8))).count == 1)
                }
                let ending = try await eventually { engine.ended[client.handle] }
                #expect(ContinuousClock.now - start < .seconds(1))
                guard case .refused(let refusal) = ending else {
                    Issue.record("the session ends with a refusal, not \(String(describing: ending))")
                    return
                }
                #expect(refusal.form == (act == .endSession ? .sessionExpired : .failed))
                #expect(await engine.connect(der, "user1", token).decision.refusal != nil, "its token is worth nothing")
                let gone = try await eventually { try await sessions.list().rows.isEmpty ? true : nil }
                #expect(gone == true)
                let log = try await sessions.log(limit: 10).rows
                #expect(log.count == 1 && log.first?.session.id == row.id)
                #expect(log.first?.session.traffic.bytesSent == 2000)
            }
        }
    }

    @Test("a setting reaches the next login and the engine without a restart")
    func setting() async throws {
        try await Site.with { site in
            let der = try await site.certificate(of: "user1").der
            try await site.withNode { engine in
                let before = try #require(await engine.connect(der, "user1", Site.password).decision.grant)
                #expect(!before.push.contains { $0.text.contains("198.51.100.0") })
                try await SettingOperations(site.session).set([
                    "push.routes": "198.51.100.0/24", "client.to-client": "true", "push.dns-servers": "192.0.2.53",
                ])
                let updated = try await eventually {
                    engine.updates.last?.protocolSettings?.clientToClient == true ? true : nil
                }
                #expect(updated == true)
                let after = try #require(await engine.connect(der, "user1", Site.password).decision.grant)
                #expect(after.push.contains { $0.text == "route 198.51.100.0 255.255.255.0" })
                #expect(after.push.contains { $0.text == "dhcp-option DNS 192.0.2.53" })
                #expect(engine.ended.isEmpty, "nobody is thrown out for it")
            }
        }
    }

    @Test("a client that comes back with its token while its old session still stands takes that one's place")
    func superseded() async throws {
        try await Site.with { site in
            let der = try await site.certificate(of: "user1").der
            try await site.withNode { engine in
                let first = await engine.connect(der, "user1", Site.password)
                let token = try #require(first.decision.grant?.authToken)
                let second = await engine.connect(der, "user1", token)
                #expect(second.decision.grant != nil)
                guard case .restart = try await eventually({ engine.ended[first.handle] }) else {
                    Issue.record("the older session ends")
                    return
                }
                #expect(engine.ended[second.handle] == nil)
            }
        }
    }

    @Test("sessions are listed while they live and logged when the node stops")
    func records() async throws {
        try await Site.with { site in
            let der = try await site.certificate(of: "user1").der
            let sessions = SessionOperations(site.session)
            try await site.withNode { engine in
                _ = await engine.connect(der, "user1", Site.password)
                let row = try #require(try await eventually { try await sessions.list().rows.first })
                #expect(row.userName == "user1" && row.cipher == "AES-256-GCM" && row.clientVersion == "2.6.14")
                let counted = try await eventually {
                    let row = try await sessions.list().rows.first
                    return row?.traffic.bytesReceived == 1001 ? row : nil
                }
                #expect(counted != nil, "byte counts are written while the session lives")
            }
            #expect(try await sessions.list().rows.isEmpty)
            #expect(try await sessions.log(limit: 10).rows.map(\.reason) == ["ended"])
        }
    }

    @Test("what a node that was killed left behind is closed by the next start, and the client has its address again")
    func leftovers() async throws {
        try await Site.with { site in
            let der = try await site.certificate(of: "user1").der
            let sessions = SessionOperations(site.session)
            let id = try #require(NodeID(site.settings.nodeID))
            var before: Grant?
            try await site.withNode { engine in
                before = await engine.connect(der, "user1", Site.password).decision.grant
                _ = try await eventually { try await sessions.list().rows.first }
                // Another start takes the node's row over: this process can write nothing more, as if it had died.
                _ = try await site.backend.write { writer in
                    let node = try #require(try writer.nodes.node(id))
                    return try writer.nodes.beginEpoch(
                        of: id, after: node.epoch, hostname: "x", softwareVersion: "x")
                }
            } catching: { error in
                #expect((error as? NodeError)?.code == .fenced)
            }
            #expect(try await sessions.list().rows.count == 1)
            try await site.withNode { engine in
                #expect(try await sessions.list().rows.isEmpty)
                #expect(try await sessions.log(limit: 10).rows.first?.reason == "node-lost")
                let token = try #require(before?.authToken)
                #expect(await engine.connect(der, "user1", token).decision.grant?.ipv4 == before?.ipv4)
            }
        }
    }

    @Test("a start with a client network that the machine is on takes another subnet")
    func subnet() async throws {
        try await Site.with(settings: ["client.networks": "10.56.0.0/14"]) { site in
            try await SettingOperations(site.session).set(["client.networks": "10.60.0.0/16"])
            try await site.withNode { engine in
                let subnet = try #require(engine.configuration.protocolSettings.tunnel.ipv4)
                #expect(subnet.description == "10.60.0.0/22")
                #expect(engine.configuration.protocolSettings.tunnel.ipv6 == nil)
            }
        }
    }

    @Test("a queue of records keeps the order, hands out again what was not written, and drops the oldest when full")
    func recordQueue() {
        var queue = RecordQueue(limit: 3)
        let users = (0..<5).map { _ in
            var random = SystemRandomNumberGenerator()
            return UserID(using: &random)
        }
        func names(_ events: [RecordedEvent]) -> [UserID] {
            events.compactMap { if case .clearedFailures(let user) = $0 { user } else { nil } }
        }
        users[0...1].forEach { queue.append(.clearedFailures($0)) }
        #expect(names(queue.handOut(atMost: 1)) == [users[0]])
        queue.takeBack()
        #expect(names(queue.handOut(atMost: 1)) == [users[0]])
        users[2...4].forEach { queue.append(.clearedFailures($0)) }
        #expect(queue.lostCount == 2)
        queue.confirm()
        #expect(names(queue.handOut(atMost: 10)) == [users[3], users[4]])
        queue.confirm()
        #expect(queue.isEmpty)
    }
}

extension Site {
    /// As ``withNode(_:)``, for a node that ends by itself with an error.
    func withNode(_ body: (FakeEngine) async throws -> Void, catching: (any Error) -> Void) async throws {
        do {
            try await withNode { engine in
                try await body(engine)
                _ = try await eventually { engine.isStopped ? true : nil }
            }
            catching(NodeError(.configuration, "the node did not end by itself"))
        } catch {
            catching(error)
        }
    }
}
