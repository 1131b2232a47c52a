internal import ClusterCore

extension StorageConformance {
    static let revisions: [ConformanceCase] = [
        ConformanceCase("revisions: a store without a cluster has none, and founding one makes the first") { store in
            let backend = try await store.open()
            let none = try await backend.read { reader in try reader.config.cluster() }
            try expect(none == nil, "an empty store has a cluster")
            try await expectFailure(.notFound, of: "the revision of an empty store") {
                try await backend.read { try $0.config.revision() }
            }
            try await backend.change { try $0.createCluster(Sample.cluster) }
            let founded = try await backend.read { reader in try reader.config.cluster() }
            try expectEqual(founded, Sample.cluster, "the cluster")
            let revision = try await backend.read { try $0.config.revision() }
            try expectEqual(revision.number, 1, "the first revision")
            try expectEqual(revision.lineage, Sample.cluster.lineage, "its lineage")
        },
        ConformanceCase("revisions: each change makes one, with a change id of its own, and nothing else does") {
            store in
            let backend = try await store.founded()
            var seen = [try await backend.read { try $0.config.revision() }]
            for number: UInt64 in 1...5 {
                try await backend.change { change in
                    try change.add(Sample.user(number))
                    try change.add(Sample.certificate(number, user: Sample.id(number)))
                }
                seen.append(try await backend.read { try $0.config.revision() })
            }
            try expectEqual(seen.map(\.number), Array(1...6), "the numbers")
            try expectEqual(Set(seen.map(\.change)).count, 6, "how many change ids differ")
            let user = try await backend.read { try $0.accounts.user(Sample.id(1)) }
            try await backend.write { writer in
                try writer.change(by: .kit) { change in
                    if let user { try change.update(user) }
                    try change.unset("limit.clients")
                }
                try writer.nodes.add(Sample.node(1))
                try writer.sessions.begin([Sample.session(1)])
                try increment(writer)
            }
            try expectEqual(try await backend.read { try $0.config.revision() }, seen.last, "after no change")
        },
        ConformanceCase("revisions: the changes since one are told, each thing once") { store in
            let backend = try await store.founded()
            let first = try await backend.read { try $0.config.revision() }
            try expectEqual(try await backend.read { try $0.config.changes(since: first) }, .none, "at first")
            try await backend.change { change in
                try change.add(Sample.user(1))
                try change.set("limit.clients", to: "5")
            }
            let second = try await backend.read { try $0.config.revision() }
            try await backend.change { change in
                try change.set("limit.clients", to: "6")
                try change.refuse(
                    TokenRefusal(tokenSession: Sample.token(1), user: nil, refusedAt: .epoch, expiresAt: Sample.time))
                if let secret = Sample.secret(1) { try change.add(secret) }
                try change.add(Sample.certificate(1, user: nil, kind: .server))
            }
            let third = try await backend.read { try $0.config.revision() }
            let user = ChangedEntity(kind: .user, id: "\(Sample.id(1) as UserID)")
            let later: Set<ChangedEntity> = [
                ChangedEntity(kind: .setting, id: "limit.clients"),
                ChangedEntity(kind: .tokenRefusal, id: "\(Sample.token(1))"),
                ChangedEntity(kind: .secret, id: "\(Sample.id(1) as SecretID)"),
                ChangedEntity(kind: .certificate, id: "\(Sample.serial(1))"),
            ]
            for (since, expected) in [(first, later.union([user])), (second, later)] {
                guard
                    case .changed(let found, let now) = try await backend.read({ try $0.config.changes(since: since) })
                else { throw ConformanceFailure("since \(since.number) everything is to be loaded anew") }
                try expectEqual(Set(found), expected, "the changes since \(since.number)")
                try expectEqual(found.count, expected.count, "how many changes since \(since.number)")
                try expectEqual(now, third, "the revision that is told with them")
            }
        },
        ConformanceCase("revisions: where another history is asked about, everything is to be loaded anew") { store in
            let backend = try await store.founded()
            for number: UInt64 in 1...3 { try await backend.change { _ = try $0.add(Sample.user(number)) } }
            let now = try await backend.read { try $0.config.revision() }
            let strange = [
                // A fail-over lost the change that had made this revision, and another one made it again.
                Revision(lineage: now.lineage, number: 2, change: Sample.id(77)),
                Revision(lineage: now.lineage, number: now.number, change: Sample.id(77)),
                // A restore began another history.
                Revision(lineage: Sample.id(78), number: 2, change: now.change),
                Revision(lineage: Sample.id(78), number: now.number, change: now.change),
                // The store went back.
                Revision(lineage: now.lineage, number: now.number + 1, change: Sample.id(79)),
                Revision(lineage: now.lineage, number: .max, change: now.change),
                Revision(lineage: now.lineage, number: 0, change: Sample.id(80)),
            ]
            for revision in strange {
                let delta = try await backend.read { try $0.config.changes(since: revision) }
                try expectEqual(delta, .reloadAll(now), "since \(revision)")
            }
        },
        ConformanceCase("revisions: changes by many at once make one each, without a gap") { store in
            let handles = try await store.founded(handles: 3)
            let results = await atOnce(
                handles.enumerated().map { index, handle in
                    { @Sendable in
                        for number: UInt64 in 1...8 {
                            let user = Sample.user(100 * UInt64(index) + number)
                            try await handle.change { _ = try $0.add(user) }
                        }
                    }
                })
            for result in results { try result.get() }
            try await handles[0].read { reader in
                try expectEqual(try reader.config.revision().number, 25, "the revision")
                let log = try reader.config.auditEntries(before: nil, limit: 100)
                try expectEqual(log.rows.map(\.revision), (1...25).reversed(), "the revisions in the log")
                try expectEqual(Set(log.rows.map(\.change)).count, 25, "how many change ids differ")
                try expectEqual(Set(log.rows.map(\.entity)).count, 25, "how many things were changed")
            }
        },
        ConformanceCase("audit: an entry for each thing is written with the change, and goes with it") { store in
            let backend = try await store.founded()
            let actor = AuditActor(kind: .user, name: "Ünïcode 🦊")
            let time = try await backend.write { writer in
                try writer.change(by: actor) { change in
                    try change.add(Sample.user(1))
                    try change.set("limit.clients", to: "7")
                    try change.removeUser(Sample.id(1))
                }
                return try writer.now()
            }
            let revision = try await backend.read { try $0.config.revision() }
            _ = try? await backend.write { writer in
                try writer.change(by: actor) { _ = try $0.add(Sample.user(2)) }
                throw ConformanceFailure("on purpose")
            }
            try await backend.read { reader in
                let log = try reader.config.auditEntries(before: nil, limit: 100).rows
                let mine = log.filter { $0.revision == 2 }.sorted { $0.index < $1.index }
                try expectEqual(log.count, 4, "the number of entries")
                try expectEqual(mine.map(\.index), [0, 1, 2], "the places")
                try expectEqual(mine.map(\.action), [.addUser, .setSetting, .removeUser], "what was done")
                let user = ChangedEntity(kind: .user, id: "\(Sample.id(1) as UserID)")
                try expectEqual(
                    mine.map(\.entity), [user, ChangedEntity(kind: .setting, id: "limit.clients"), user], "to what")
                for entry in mine {
                    try expect(Array(entry.actor.name.utf8) == Array(actor.name.utf8), "the actor's name")
                    try expectEqual(entry.actor.kind, actor.kind, "the kind of actor")
                    try expectEqual(entry.change, revision.change, "the change id")
                    try expectEqual(entry.at, time, "the time")
                }
                try expectEqual(log.last?.action, .createCluster, "the first entry")
            }
        },
        ConformanceCase("audit: pruning takes old entries, and none that nodes may still ask for") { store in
            let backend = try await store.founded()
            for number: UInt64 in 1...5 { try await backend.change { _ = try $0.add(Sample.user(number)) } }
            let far = Timestamp(seconds: 100_000_000_000)
            let count = try await backend.write { try $0.pruneAuditLog(before: far, limit: 100) }
            try expectEqual(count, 0, "how many of the last 1,000 revisions were pruned")
            let log = try await backend.read { try $0.config.auditEntries(before: nil, limit: 100).rows }
            try expectEqual(log.count, 6, "the entries that are left")
        },
        ConformanceCase("revisions: a change within a change, and a use after the end, are refused") { store in
            let backend = try await store.founded()
            try await expectFailure(.misuse, of: "a change within a change") {
                try await backend.write { writer in
                    try writer.change(by: .kit) { _ in
                        try writer.change(by: .kit) { _ = try $0.add(Sample.user(1)) }
                    }
                }
            }
            let kept = Kept()
            _ = try await backend.read { kept.reader = $0 }
            try await backend.write { writer in
                kept.writer = writer
                try writer.change(by: .kit) { kept.change = $0 }
                // The transaction is still open, the change is not.
                do {
                    _ = try kept.change?.add(Sample.user(3))
                    throw ConformanceFailure("a change wrote after its end")
                } catch let error as StorageError {
                    try expectEqual(error.code, .misuse, "a change that is used after its end")
                }
            }
            try await expectFailure(.misuse, of: "a reader that was kept") { _ = try kept.reader?.config.revision() }
            try await expectFailure(.misuse, of: "a writer that was kept") {
                try kept.writer?.nodes.add(Sample.node(1))
            }
            try expectEqual(try await backend.read { try $0.accounts.userCount() }, 0, "the users")
        },
    ]
}

/// What bodies let out although they must not; only one of them runs at a time.
private final class Kept: @unchecked Sendable {
    var reader: (any StorageReader)?
    var writer: (any StorageWriter)?
    var change: (any ConfigurationChange)?
}
