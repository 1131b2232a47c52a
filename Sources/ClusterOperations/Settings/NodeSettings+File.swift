internal import VPNFormats

extension NodeSettings {
    /// The settings as `node.yaml`, with comments, so that a person can change them.
    public func fileText() -> String {
        """
        # One node of an access server. These settings belong to this machine alone; what all nodes share
        # (users, networks, pushed settings) is in the database: see 'asnode config list'.
        # A running node reads this file when it starts. Each value but the two ids can be given by the environment
        # too, which wins: ASNODE_NAME, ASNODE_LISTEN=udp:1194,udp:1195, ASNODE_LOG_LEVEL and so on.

        # Who this node is in the database, and whose. Made once; do not change or copy them to another machine.
        id: \(Self.quoted(nodeID))
        cluster: \(Self.quoted(clusterID))

        # The node's name, for people.
        name: \(Self.quoted(name))

        # What clients connect to: udp:PORT for all addresses of both families, udp:192.0.2.1:PORT or
        # udp:[2001:db8::1]:PORT for one of them. Profiles name these ports: issue new ones after a change.
        listen:\(Self.list(listen.map(\.description)))

        # The addresses at which clients reach this node, when they are not the machine's own (behind a router).
        \(publicAddresses.isEmpty ? "# public-addresses:\n#   - 192.0.2.1" : "public-addresses:" + Self.list(publicAddresses.map(\.description)))

        # The tunnel's network interface.
        device: \(Self.quoted(device))

        # How clients' packets reach other networks: 'nat' with this machine's addresses in place of theirs,
        # 'route' as they are (the network must then know the way back to the client networks).
        egress: \(egress.rawValue)

        # Where the shared data is. Without this line: sqlite, in the file asnode.db beside this one.
        \(databaseURL.map { "database: \(Self.quoted($0))" } ?? "# database: sqlite:///var/lib/asnode/asnode.db")

        # How much the log tells: \(Self.logLevels.joined(separator: ", ")).
        log-level: \(logLevel)

        """
    }

    private static func list(_ values: [String]) -> String {
        values.map { "\n  - \(quoted($0))" }.joined()
    }

    /// A YAML 1.2 double-quoted scalar.
    private static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
