"""``krm-sops``: decrypts inside kustomize, as a legacy plugin, a KRM exec function or a container."""
