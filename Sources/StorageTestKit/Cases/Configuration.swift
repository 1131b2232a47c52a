internal import ClusterCore

extension StorageConformance {
    static let configuration: [ConformanceCase] = [
        ConformanceCase("users: versions grow with each change, and writing what is there changes nothing") { store in
            let backend = try await store.founded()
            let added = try await backend.change { try $0.add(Sample.user(1)) }
            try expectEqual(added.version, 1, "the version of a new user")
            var changed = added
            changed.name = "another"
            changed.createdAt = .epoch
            let updated = try await backend.change { [changed] in try $0.update(changed) }
            try expectEqual(updated.version, 2, "the version after a change")
            try expectEqual(updated.createdAt, added.createdAt, "when the user was added")
            let same = try await backend.change { try $0.update(updated) }
            try expectEqual(same, updated, "the user after no change")
            try await backend.read { reader in
                try expectEqual(try reader.accounts.user(Sample.id(1)), updated, "the stored user")
                try expect(try reader.accounts.user(named: Sample.user(1).name) == nil, "the old name leads somewhere")
                try expectEqual(try reader.config.revision().number, 3, "the revision")
            }
        },
        ConformanceCase("users: who is removed loses certificates and failed logins, and the name is free") { store in
            let backend = try await store.founded()
            try await backend.write { writer in
                try writer.change(by: .kit) { change in
                    for number: UInt64 in 1...2 {
                        try change.add(Sample.user(number))
                        try change.add(Sample.certificate(number, user: Sample.id(number)))
                    }
                    let revocation = Revocation(at: Sample.time, reason: .keyCompromise)
                    try change.add(Sample.certificate(3, user: Sample.id(1)))
                    try change.revokeCertificate(Sample.serial(3), revocation)
                }
                try increment(writer)
            }
            try await backend.change { try $0.removeUser(Sample.id(1)) }
            try await backend.read { reader in
                try expect(try reader.accounts.user(Sample.id(1)) == nil, "the user is there")
                try expect(try reader.accounts.loginFailures(of: Sample.id(1)) == nil, "the failed logins are there")
                let certificates = try reader.certificates.certificates(of: Sample.id(1)).value
                try expectEqual(certificates.map(\.serial), [Sample.serial(3), Sample.serial(1)], "the certificates")
                let reasons = certificates.compactMap(\.revocation?.reason)
                try expectEqual(reasons, [.keyCompromise, .cessationOfOperation], "why they were revoked")
                let other = try reader.certificates.certificate(Sample.serial(2))
                try expect(other?.revocation == nil, "another user's certificate was revoked")
            }
        },
        ConformanceCase("certificates: a revocation is never replaced, lists are newest first") { store in
            let backend = try await store.founded()
            try await backend.change { change in
                for number: UInt64 in 1...3 { try change.add(Sample.certificate(number, user: Sample.id(1))) }
                try change.add(Sample.certificate(4, user: nil, kind: .authority))
            }
            let (first, second) = (
                Revocation(at: Sample.time, reason: .keyCompromise), Revocation(at: .epoch, reason: .superseded)
            )
            for revocation in [first, second] {
                try await backend.change { try $0.revokeCertificate(Sample.serial(2), revocation) }
            }
            try await backend.read { reader in
                try expectEqual(try reader.certificates.certificate(Sample.serial(2))?.revocation, first, "it")
                let ofUser = try reader.certificates.certificates(of: Sample.id(1)).value.map(\.serial)
                try expectEqual(ofUser, [3, 2, 1].map { Sample.serial($0) }, "the certificates of a user")
                let authorities = try reader.certificates.certificates(.authority).value.map(\.serial)
                try expectEqual(authorities, [Sample.serial(4)], "the authorities")
                try expectEqual(try reader.config.revision().number, 3, "the revision")
            }
        },
        ConformanceCase("settings: values are kept in their one form, unknown ones are refused") { store in
            let backend = try await store.founded()
            try await backend.change { change in
                try change.set("client.to-client", to: "yes")
                try change.set("client.to-client", to: "on")
                try change.set("limit.clients", to: "12")
            }
            let stored = try await backend.read { try $0.config.settings().value.stored }
            try expectEqual(stored, ["client.to-client": "true", "limit.clients": "12"], "the settings")
            for (name, value) in [("no.such-setting", "1"), ("limit.clients", "none")] {
                do {
                    try await backend.change { try $0.set(name, to: value) }
                    throw ConformanceFailure("\(name) could be set to \(value)")
                } catch is SettingError {}
            }
            try await backend.change { try $0.unset("limit.clients") }
            try await backend.read { reader in
                let settings = try reader.config.settings().value
                try expectEqual(settings.stored, ["client.to-client": "true"], "the settings afterwards")
                try expectEqual(settings.cluster, Sample.cluster.id, "the cluster of the settings")
                try expectEqual(try reader.config.revision().number, 3, "the revision")
            }
        },
        ConformanceCase("secrets: the newest of each purpose is first, what is removed is gone") { store in
            let backend = try await store.founded()
            let secrets = [5, 9, 7].compactMap { number in
                Sample.secret(UInt64(number), at: Sample.time + .seconds(Int64(number)))
            }
            try await backend.change { change in for secret in secrets { try change.add(secret) } }
            let order = try await backend.read { try $0.config.secrets().value.map(\.id) }
            try expectEqual(order, [9, 7, 5].map { Sample.id($0) }, "the order")
            try await backend.change { try $0.removeSecret(Sample.id(9)) }
            let left = try await backend.read { try $0.config.secrets().value.map(\.id) }
            try expectEqual(left, [7, 5].map { Sample.id($0) }, "what is left")
        },
        ConformanceCase("refusals: a second one extends the first and never shortens it; expired ones are pruned") {
            store in
            let backend = try await store.founded()
            @Sendable func refusal(_ number: UInt64, until seconds: Int64, at: Timestamp = Sample.time) -> TokenRefusal
            {
                TokenRefusal(
                    tokenSession: Sample.token(number), user: Sample.id(1), refusedAt: at,
                    expiresAt: Timestamp(seconds: seconds))
            }
            let later = Sample.time + .seconds(5)
            for one in [refusal(1, until: 200), refusal(1, until: 100, at: later), refusal(1, until: 300, at: later)] {
                try await backend.change { try $0.refuse(one) }
            }
            try await backend.change { try $0.refuse(refusal(2, until: 100)) }
            let found = try await backend.read { try $0.accounts.tokenRefusals(after: nil, limit: 10).rows }
            try expectEqual(Set(found), [refusal(1, until: 300), refusal(2, until: 100)], "the refusals")
            let pruned = try await backend.write {
                try $0.accounts.pruneTokenRefusals(expiredBefore: Timestamp(seconds: 200), limit: 10)
            }
            try expectEqual(pruned, 1, "how many were pruned")
            let left = try await backend.read { try $0.accounts.tokenRefusals(after: nil, limit: 10).rows }
            try expectEqual(left, [refusal(1, until: 300)], "what is left")
        },
        ConformanceCase("accounts: failed logins are forgotten when told so, once") { store in
            let backend = try await store.founded()
            try await backend.write { try increment($0) }
            for expected in [true, false] {
                let cleared = try await backend.write { try $0.accounts.clearLoginFailures(of: Sample.id(1)) }
                try expectEqual(cleared, expected, "whether there were any")
            }
            try expectEqual(try await counter(backend), 0, "the failed logins")
        },
    ]
}
