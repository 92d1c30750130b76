"""What several test folders share: real programs, throw-away keys, servers."""
