/// Why a node cannot start or go on.
public struct NodeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong. New codes may appear in minor releases.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable { case configuration, fenced, otherCluster }
        private var kind: Kind

        /// The node's configuration, or the cluster's, contradicts itself or the machine.
        public static let configuration = Code(kind: .configuration)
        /// Another process runs as this node, or an operator removed it: this one must not go on.
        public static let fenced = Code(kind: .fenced)
        /// The store holds another cluster than the node belongs to.
        public static let otherCluster = Code(kind: .otherCluster)
    }

    /// What went wrong.
    public let code: Code
    /// What is wrong and how to mend it, one line.
    public let description: String

    /// Makes an error.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
