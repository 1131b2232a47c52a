import Testing

extension InteropTests {
    @Suite("Refusals")
    struct Refusals {
        @Test("a wrong password is refused with an error that the client shows")
        func wrongPassword() throws {
            try Site.with { site in
                let refusal = try site.client(password: "not the password").waitForRefusal()
                #expect(refusal.contains("AUTH_FAILED"))
                try site.connectedClient().stop()
            }
        }

        @Test("a user that does not exist is refused")
        func unknownUser() throws {
            try Site.with { site in
                _ = try site.client(user: "nobody", password: Site.password).waitForRefusal()
            }
        }

        @Test("a revoked profile is refused, another one of the same user is not")
        func revokedProfile() throws {
            try Site.with { site in
                let other = try site.node.issueProfile(Site.user)
                try site.node.revoke(site.profile)
                try expectNoEntry(try site.client(), saying: "revoked")
                let client = try site.client(profile: other)
                try client.waitUntilConnected()
            }
        }

        @Test("a removed user is refused")
        func removedUser() throws {
            try Site.with { site in
                try site.node.command("user", "remove", Site.user)
                try expectNoEntry(try site.client())
            }
        }

        @Test("the profile of one user does not open the door for another")
        func certificateOfAnotherUser() throws {
            try Site.with { site in
                try site.node.addUser("user2", password: "another password")
                try expectNoEntry(try site.client(user: "user2", password: "another password"), saying: "another user")
            }
        }

        @Test("a client without a common cipher is refused, and told so")
        func noSharedCipher() throws {
            try Site.with { site in
                let client = try site.client(options: [
                    "--data-ciphers", "AES-256-CBC", "--data-ciphers-fallback", "none",
                ])
                let refusal = try client.waitForRefusal()
                #expect(refusal.lowercased().contains("cipher"), "\(refusal)")
            }
        }

        @Test("an expired certificate is refused")
        func expiredCertificate() throws {
            try Site.with(settings: ["certificate.client-lifetime": "1m"]) { site in
                _ = poll(within: 70, every: 1) { try? site.isExpired() ? true : nil }
                try expectNoEntry(try site.client(), saying: "expired")
            }
        }

        @Test("the live session of a user who is removed ends within a second")
        func liveSessionOfRemovedUser() throws {
            try expectEndWithinASecond { try $0.node.command("user", "remove", Site.user) }
        }

        @Test("the live session of a profile that is revoked ends within a second")
        func liveSessionOfRevokedProfile() throws {
            try expectEndWithinASecond { try $0.node.revoke($0.profile) }
        }

        @Test("the live session of a user who is disabled ends within a second")
        func liveSessionOfDisabledUser() throws {
            try expectEndWithinASecond { try $0.node.command("user", "set", Site.user, "--disable-login") }
        }

        /// Makes the change on a live session; the client has to be told, and no packet passes, a second later.
        private func expectEndWithinASecond(_ change: (Site) throws -> Void) throws {
            try Site.with { site in
                let client = try site.connectedClient()
                #expect(try site.reachesHost(client))
                try change(site)
                let done = monotonicSeconds()
                let told = try client.log.wait(
                    for: ["AUTH_FAILED", "Received control message: HALT", "Received control message: RESTART"],
                    within: 5)
                let seconds = monotonicSeconds() - done
                print("the client was told (\(told)) \(seconds) s after the change was committed")
                #expect(seconds <= 1.0)
                client.stop()
                try expectNoEntry(try site.client())
            }
        }

        /// The client gets no tunnel and its log says that the server turned it away.
        private func expectNoEntry(_ client: OpenVPNClient, saying reason: String = "AUTH_FAILED") throws {
            let refusal = try client.waitForRefusal()
            #expect(refusal.contains(reason), "\(refusal)")
            client.stop()
        }
    }
}
