public import VPNFormats

/// What the doctor needs to know of the database's content.
public struct ClusterFacts: Sendable, Hashable {
    /// One certificate that the node itself works with.
    public struct Certificate: Sendable, Hashable {
        /// A word for the check's name.
        public var name: String
        /// What it is, for people: "certificate authority", "server certificate".
        public var title: String
        /// Valid from, microseconds since 1970 UTC.
        public var notBefore: Int64
        /// Valid until, microseconds since 1970 UTC.
        public var notAfter: Int64

        /// A certificate's term.
        public init(name: String, title: String, notBefore: Int64, notAfter: Int64) {
            self.name = name
            self.title = title
            self.notBefore = notBefore
            self.notAfter = notAfter
        }
    }

    /// The name that profiles tell clients to connect to; `nil` when unset.
    public var hostname: String?
    /// The networks that clients get their addresses from.
    public var clientNetworks: [IPPrefix]
    /// The certificates that the node works with.
    public var certificates: [Certificate]
    /// Rows that were written without the cluster's key, for people.
    public var tampered: [String]

    /// Facts as they are given.
    public init(
        hostname: String?, clientNetworks: [IPPrefix], certificates: [Certificate], tampered: [String] = []
    ) {
        self.hostname = hostname
        self.clientNetworks = clientNetworks
        self.certificates = certificates
        self.tampered = tampered
    }
}
