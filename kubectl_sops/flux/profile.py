"""Behaviour that changed between Flux versions."""

from __future__ import annotations

import re

from kubectl_sops.errors import UsageError

LATEST = (2, 9)


class Profile:
    """How the kustomize-controller of one Flux version behaves.

    Attributes:
        strict: a variable without value fails the build.
        patches_decrypted: ``patches[].path`` is decrypted before the build.
        components_visited: the sources of components are.
        images_merged: an image in the spec keeps what it does not set.
        build_metadata: ``spec.buildMetadata`` is known.
        strategy: ``spec.postBuild.substituteStrategy`` is known.
    """

    __slots__ = (
        "build_metadata", "components_visited", "images_merged", "patches_decrypted", "strategy", "strict",
    )  # fmt: skip

    def __init__(self, version: tuple[int, ...] = LATEST) -> None:
        self.patches_decrypted = self.components_visited = version >= (2, 5)
        self.strict = self.build_metadata = self.strategy = self.images_merged = version >= (2, 9)


def parse(version: str | None) -> Profile:
    """The profile of ``2.9``, ``v2.6.1`` and the like; the latest one where nothing is given."""
    if not version:
        return Profile()
    match = re.fullmatch(r"v?(2)\.(\d+)(?:\.\d+)?", version)
    if match is None:
        raise UsageError(f"--flux-version is {version}, expected a version such as 2.9")
    return Profile((int(match[1]), int(match[2])))
