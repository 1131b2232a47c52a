public import ClusterCore
public import VPNEngine
public import VPNFormats

/// What a node needs to know that is not in the store.
public struct NodeConfiguration: Sendable {
    /// The node's row in the store, which exists.
    public var nodeID: NodeID
    /// The cluster that the store must hold.
    public var clusterID: ClusterID
    /// The key that unseals the cluster's secrets.
    public var clusterKey: ClusterKey
    /// The UDP addresses to listen on.
    public var listeners: [ListenAddress]
    /// The addresses at which clients reach this node, where they are not the machine's own (behind a router). With
    /// `hold-tun` clients are told to reach them around the tunnel.
    public var publicAddresses: [IPAddress]
    /// The name of the tun device, at most 15 bytes.
    public var deviceName: String
    /// How clients' packets reach other networks.
    public var egress: EgressConfiguration
    /// The machine's name, for people.
    public var machineName: String
    /// The version of the program, for people and for clusters with several nodes.
    public var softwareVersion: String
    /// Networks that the machine is on: the node does not start with a client subnet that overlaps one.
    public var hostNetworks: [IPPrefix]
    /// How many passwords are hashed at once; each takes the memory that the setting `password.scrypt-cost` says.
    public var hashingThreads: Int
    /// How many logins may wait for their password to be hashed; further ones are asked to try again.
    public var hashingQueueLimit: Int
    /// How long clients are waited for at a clean stop.
    public var stopGrace: Duration

    /// A configuration for one node.
    public init(
        nodeID: NodeID, clusterID: ClusterID, clusterKey: ClusterKey, listeners: [ListenAddress],
        publicAddresses: [IPAddress] = [], deviceName: String = "asnode0", egress: EgressConfiguration = .nat,
        machineName: String = "",
        softwareVersion: String = "", hostNetworks: [IPPrefix] = [], hashingThreads: Int = 2,
        hashingQueueLimit: Int = 1024, stopGrace: Duration = .seconds(2)
    ) {
        self.nodeID = nodeID
        self.clusterID = clusterID
        self.clusterKey = clusterKey
        self.listeners = listeners
        self.publicAddresses = publicAddresses
        self.deviceName = deviceName
        self.egress = egress
        self.machineName = machineName
        self.softwareVersion = softwareVersion
        self.hostNetworks = hostNetworks
        self.hashingThreads = hashingThreads
        self.hashingQueueLimit = hashingQueueLimit
        self.stopGrace = stopGrace
    }
}
