"""``python -m kubectl_sops``."""

from kubectl_sops.cli.app import main

if __name__ == "__main__":
    main()
