// ClusterOperations
