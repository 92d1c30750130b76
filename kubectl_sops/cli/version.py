"""``version``."""

from __future__ import annotations

import sys

from kubectl_sops.core.metadata import SOPS_VERSION


def command() -> None:
    """Print our version, the sops release whose format we write, and the kustomize found."""
    import shutil
    from importlib.metadata import version

    sys.stdout.write(f"kubectl-sops {version('kubectl-sops')}\nsops format {SOPS_VERSION}\n")
    for program in ("kustomize", "kubectl"):
        path = shutil.which(program)
        if path:
            sys.stdout.write(f"kustomize through {path}\n")
            return
