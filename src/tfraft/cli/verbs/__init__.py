"""The verbs of the prompt: what it can do to the cluster, as against to the data in it."""
