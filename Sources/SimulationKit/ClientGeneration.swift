package import VPNFormats
package import VPNProtocol

/// Stock clients as they announce themselves (OpenVPN protocol, peer info).
package enum ClientGeneration: String, Sendable, CaseIterable {
    /// A client that knows no peer ids.
    case ancient
    case openVPN24, openVPN25, openVPN26, openVPN27
    case openVPN3
    /// OpenVPN 3 before it announced `AUTH_FAILED,TEMP`.
    case openVPN3Old

    package var peerInfo: PeerInfo {
        switch self {
        case .ancient: PeerInfo(["IV_VER": "2.3.18", "IV_PROTO": "0", "IV_NCP": "2"])
        case .openVPN24: PeerInfo(["IV_VER": "2.4.12", "IV_PROTO": "2", "IV_NCP": "2"])
        case .openVPN25: PeerInfo(["IV_VER": "2.5.11", "IV_PROTO": "6", "IV_CIPHERS": "AES-256-GCM:AES-128-GCM"])
        case .openVPN26:
            PeerInfo(["IV_VER": "2.6.14", "IV_PROTO": "990", "IV_MTU": "1600", "IV_CIPHERS": "AES-256-GCM:AES-128-GCM"])
        case .openVPN27:
            PeerInfo(["IV_VER": "2.7.6", "IV_PROTO": "8094", "IV_MTU": "1600", "IV_CIPHERS": "AES-256-GCM:AES-128-GCM"])
        case .openVPN3:
            PeerInfo(["IV_VER": "3.11", "IV_PROTO": "8094", "IV_MTU": "1600", "IV_CIPHERS": "AES-256-GCM:AES-128-GCM"])
        case .openVPN3Old: PeerInfo(["IV_VER": "3.6", "IV_PROTO": "30", "IV_CIPHERS": "AES-256-GCM:AES-128-GCM"])
        }
    }

    /// How such a client sets out with a profile.
    package func settings(
        wrapKey: StaticKey, wrappedKey: [UInt8]? = nil, credentials: Credentials, options: OCCOptions
    ) -> ClientSettings {
        ClientSettings(
            wrapKey: wrapKey, wrappedKey: wrappedKey,
            announcesEarlyNegotiation: self.peerInfo.protocolFlags.contains(.tlsKeyExport), credentials: credentials,
            peerInfo: self.peerInfo, options: options, renegotiateAfter: nil)
    }
}
