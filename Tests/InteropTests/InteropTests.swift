import Testing

/// The node as its clients meet it: the built program, the profile that it issued, the stock `openvpn` client, and real
/// packets through network namespaces. One test at a time: they share the machine's cores and its clock.
@Suite("Stock clients", .serialized)
enum InteropTests {}
