"""The cluster: which one, the Secret with its age key, and every way it can refuse."""
