/// The protocol beneath OpenVPN packets.
public enum TransportProtocol: String, Hashable, Sendable, Codable, CaseIterable {
    /// Datagrams.
    case udp
    /// A stream of packets with two-byte lengths.
    case tcp
}
