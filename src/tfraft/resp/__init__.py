"""The Redis protocol: any Redis client at any node of the cluster."""
