"""The client's side: finds the leader of a cluster and follows it (chapter 6)."""
