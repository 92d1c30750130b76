"""SOPS inside kustomize."""
