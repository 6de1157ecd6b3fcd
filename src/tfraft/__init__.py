"""tf-raft: Raft consensus and a replicated key-value store, to learn from, to build on, and to trust."""
