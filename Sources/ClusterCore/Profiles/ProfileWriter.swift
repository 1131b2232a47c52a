public import VPNFormats

/// How a profile's control channel is wrapped.
public enum ProfileWrap: Sendable {
    /// tls-crypt-v2 with a key of this profile's own: the default.
    case tlsCryptV2(TLSCryptV2ClientKey)
    /// The cluster's one tls-crypt key.
    case tlsCrypt(StaticKey)
}

/// Everything that a profile says.
public struct ProfileContent: Sendable {
    /// The user's name, for the comment at the top.
    public var userName: String
    /// What the profile asks of its user.
    public var kind: ProfileKind
    /// Where the nodes are.
    public var remotes: [ProfileRemote]
    /// The common name in the servers' certificates.
    public var serverName: String
    /// The authorities that servers' certificates come from, in PEM.
    public var authoritiesPEM: String
    /// The client's certificate.
    public var certificate: IssuedCertificate
    /// The client's key.
    public var key: SigningKey
    /// The wrap of the control channel.
    public var wrap: ProfileWrap
    /// The ciphers of the data channel, the preferred one first.
    public var ciphers: [DataCipherName]
    /// The oldest version of TLS.
    public var minimumTLSVersion: TLSVersionName
    /// Whether the client keeps its tunnel device while it reconnects.
    public var holdsTun: Bool
    /// When the profile is made.
    public var issuedAt: Timestamp

    /// Puts the content of a profile together; ciphers, TLS version and hold-tun come from the settings.
    public init(
        userName: String, kind: ProfileKind, remotes: [ProfileRemote], serverName: String, authoritiesPEM: String,
        certificate: IssuedCertificate, key: SigningKey, wrap: ProfileWrap, settings: Settings, issuedAt: Timestamp
    ) {
        self.userName = userName
        self.kind = kind
        self.remotes = remotes
        self.serverName = serverName
        self.authoritiesPEM = authoritiesPEM
        self.certificate = certificate
        self.key = key
        self.wrap = wrap
        self.ciphers = settings[.dataCiphers]
        self.minimumTLSVersion = settings[.minimumTLSVersion]
        self.holdsTun = settings[.holdTun]
        self.issuedAt = issuedAt
    }
}

/// Writes a profile: one file that every stock client takes (OpenVPN 2.5, 2.6, 2.7, OpenVPN 3 and Connect).
///
/// Only options that all of these know are written, so `ignore-unknown-option` is not needed; what a newer client can do
/// besides is pushed to it. What is left out on purpose:
///
/// - `persist-tun`, unless the setting `hold-tun` asks for it: with it and a full tunnel a client sends its reconnect
///   into the dead tunnel.
/// - `auth-nocache`: clients keep using a pushed token with or without it, but with it a client whose token has expired
///   asks its user for the password although it could send it again. Whoever wants it adds the line.
/// - `cipher`, `auth`, `compress`: negotiated, or without meaning for the ciphers in use.
public struct ProfileWriter: Sendable {
    /// Makes the writer; it has no state.
    public init() {}

    /// The text of a profile. It holds a private key: write it to a file of mode 0600.
    ///
    /// - Throws: ``ProfileError`` when the user's or server's name could not stand in a profile, or there are no
    ///   remotes or ciphers.
    public func text(of content: ProfileContent) throws(ProfileError) -> String {
        try check(content)
        let lines =
            comment(content) + ["client", "dev tun", "proto udp"]
            + content.remotes.map { "remote \($0.host) \($0.port) \($0.transport.rawValue)" } + connection(content)
            + security(content)
        return lines.joined(separator: "\n") + "\n" + inline(content)
    }

    private func check(_ content: ProfileContent) throws(ProfileError) {
        guard (try? UserNameRules.parse(content.userName)) == content.userName else {
            throw ProfileError("the user's name is not one that a user can have")
        }
        do throws(PKIError) {
            _ = try CertificateNames.checkServerName(content.serverName)
        } catch {
            throw ProfileError(error.message)
        }
        guard !content.ciphers.isEmpty, (1...ProfileRemote.limit).contains(content.remotes.count) else {
            throw ProfileError("a profile needs a cipher and 1 to \(ProfileRemote.limit) remotes")
        }
    }

    private func comment(_ content: ProfileContent) -> [String] {
        let host = content.remotes.first?.host ?? ""
        let login =
            switch content.kind {
            case .userLocked: "It asks for the password of \(content.userName)."
            case .autoLogin: "It connects without a password."
            }
        return [
            "# OpenVPN profile of \(content.userName) for \(host). \(login)",
            "# Import this file into an OpenVPN client: OpenVPN 2.5 or later, or OpenVPN Connect.",
            "# It holds a private key. Do not share it; if it is lost or copied, have it revoked.",
            "# Issued \(content.issuedAt), valid until \(content.certificate.notAfter).",
            "# Certificate \(content.certificate.serial)",
        ]
    }

    /// Finding a node, leaving a dead one within seconds, and trying again for ever, at most 8 s apart.
    private func connection(_ content: ProfileContent) -> [String] {
        let usesUDP = content.remotes.contains { $0.transport == .udp }
        return ["resolv-retry infinite", "connect-retry 1 8", "server-poll-timeout 2", "nobind"]
            + (usesUDP ? ["explicit-exit-notify 1"] : []) + (content.holdsTun ? ["persist-tun"] : [])
    }

    private func security(_ content: ProfileContent) -> [String] {
        [
            "remote-cert-tls server",
            "verify-x509-name \(content.serverName) name",
            "tls-version-min \(content.minimumTLSVersion.rawValue)",
            "data-ciphers \(content.ciphers.map(\.rawValue).joined(separator: ":"))",
        ] + (content.kind == .userLocked ? ["auth-user-pass"] : []) + ["verb 3"]
    }

    private func inline(_ content: ProfileContent) -> String {
        let (wrapTag, wrapText) =
            switch content.wrap {
            case .tlsCryptV2(let key): ("tls-crypt-v2", key.pem)
            case .tlsCrypt(let key): ("tls-crypt", key.text)
            }
        let blocks = [
            ("ca", content.authoritiesPEM), ("cert", content.certificate.pem), ("key", content.key.pem),
            (wrapTag, wrapText),
        ]
        return blocks.map { tag, text in
            "<\(tag)>\n\(text)\(text.hasSuffix("\n") ? "" : "\n")</\(tag)>\n"
        }.joined()
    }
}
