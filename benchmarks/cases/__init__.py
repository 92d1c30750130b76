"""The cases, one module per command."""
