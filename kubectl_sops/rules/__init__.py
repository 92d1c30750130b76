"""``.sops.yaml``: which files are encrypted, for whom, and what of them."""

from __future__ import annotations

from kubectl_sops.rules.config import Rules, load, parse
from kubectl_sops.rules.rule import Rule
from kubectl_sops.rules.search import find, search

__all__ = ["Rule", "Rules", "find", "load", "parse", "search"]
