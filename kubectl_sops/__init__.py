"""kubectl-sops."""
