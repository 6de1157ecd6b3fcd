"""Loads a cluster over the Redis protocol, and tells how it bore it: what `tf-raft bench` does."""
