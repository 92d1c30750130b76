"""How fast we are beside real sops."""
