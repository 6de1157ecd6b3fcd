"""The command line: `tf-raft start`, its prompt, and its other side, the pipe."""
