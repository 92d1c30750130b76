"""Annotations that kustomize and kpt put on resources while they build, so that encryption never saw them."""

from __future__ import annotations

LOCAL_CONFIG = "config.kubernetes.io/local-config"
FUNCTION = "config.kubernetes.io/function"
KUSTOMIZE_ID = "kustomize.config.k8s.io/id"
"""On every resource that kustomize hands to a transformer or validator; kpt does not have it."""

ORIGIN = "config.kubernetes.io/origin"
PATH = "internal.config.kubernetes.io/path"
PACKAGE_PATH = "internal.config.kubernetes.io/package-path"
"""Absolute; only kpt has it, and then the path is a real one."""
PREVIOUS_NAMES = "internal.config.kubernetes.io/previousNames"
PREVIOUS_NAMESPACES = "internal.config.kubernetes.io/previousNamespaces"

_BUILD = frozenset((
    KUSTOMIZE_ID,
    ORIGIN,
    "alpha.config.kubernetes.io/transformations",
    "config.kubernetes.io/index",
    "config.kubernetes.io/path",
    "config.k8s.io/id",
    "config.kubernetes.io/package",
))  # fmt: skip

_BUILD_PREFIX = "internal.config.kubernetes.io/"


def is_build(name: object) -> bool:
    """Whether an annotation belongs to the build."""
    return isinstance(name, str) and (name.startswith(_BUILD_PREFIX) or name in _BUILD)


def of(resource: dict[str, object]) -> dict[str, object]:
    """The annotations of a resource; an empty map where there are none."""
    metadata = resource.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def text(resource: dict[str, object], name: str) -> str:
    """One annotation, or nothing."""
    value = of(resource).get(name)
    return value if isinstance(value, str) else ""


def matches(name: object, patterns: tuple[str, ...]) -> bool:
    """Whether one of the shell patterns fits the name of an annotation."""
    if not patterns:
        return False
    from fnmatch import fnmatchcase

    return any(fnmatchcase(str(name), pattern) for pattern in patterns)
