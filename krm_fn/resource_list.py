"""What a function gets on stdin and gives back: a ResourceList, or for a legacy plugin a stream of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from krm_fn import build_annotations, emit
from kubectl_sops.errors import ParseError, UsageError
from kubectl_sops.formats.yaml_load import load_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    Resource = dict[str, object]

API_VERSION = "config.kubernetes.io/v1"
API_VERSIONS = (API_VERSION, "config.kubernetes.io/v1beta1", "config.kubernetes.io/v1alpha1")
KIND = "ResourceList"


class Input:
    """What was read.

    Attributes:
        items: the resources.
        function_config: the configuration, which only a ResourceList has.
        texts: the source text of each item where it is to be kept, as kpt shows its output to people; otherwise
            ``None``.
    """

    def __init__(
        self, items: list[Resource], function_config: Resource | None = None, texts: list[str] | None = None
    ) -> None:
        self.items = items
        self.function_config = function_config
        self.texts = texts


def read_stream(data: bytes) -> Input:
    """A stream of resources."""
    items: list[Resource] = []
    for document in load_all(_decode(data)):
        if document is None:
            continue
        if not isinstance(document, dict):
            raise ParseError("stdin has a document that is not a resource")
        items.append(document)
    return Input(items)


def read_resource_list(data: bytes) -> Input:
    """A ResourceList.

    Raises:
        ParseError: it is not YAML, or not one document.
        UsageError: it is something else than a ResourceList.
    """
    text = _decode(data)
    documents = [document for document in load_all(text) if document is not None]
    if not documents:
        raise UsageError("stdin is empty, expected a ResourceList")
    whole = documents[0]
    if len(documents) > 1 or not isinstance(whole, dict):
        raise UsageError("stdin is not one ResourceList")
    kind, version = whole.get("kind"), whole.get("apiVersion")
    if kind != KIND:
        name = kind if isinstance(kind, str) else ""
        raise UsageError(
            f'input was of unexpected kind "{name}"; expected ResourceList',
            hint="kustomize and kpt write one; a configuration alone is given as an argument",
        )
    if version not in API_VERSIONS:
        raise UsageError(f"a ResourceList of an unknown apiVersion; expected {API_VERSION}")
    items = whole.get("items")
    if items is None:
        items = []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UsageError("the items of the ResourceList are not resources")
    config = whole.get("functionConfig")
    if config is not None and not isinstance(config, dict):
        raise UsageError("the functionConfig of the ResourceList is not a map")
    keep_text = items and not any(build_annotations.KUSTOMIZE_ID in build_annotations.of(item) for item in items)
    return Input(items, config, _texts(text, items) if keep_text else None)


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ParseError("stdin is not UTF-8") from None


def _texts(text: str, items: list[Resource]) -> list[str] | None:
    """The block of each item, as a document of its own; ``None`` where the list is not written in blocks."""
    lines = text.splitlines(keepends=True)
    try:
        start = lines.index("items:\n") + 1
    except ValueError:
        return None
    blocks: list[list[str]] = []
    for line in lines[start:]:
        if line.startswith("- "):
            blocks.append([line[2:]])
        elif line.startswith("  ") or not line.strip():
            if not blocks:
                return None
            blocks[-1].append(line[2:] if line.startswith("  ") else line)
        elif line[0].isalpha():
            break
        else:
            return None
    texts = ["".join(block) for block in blocks]
    # whether these lines are the items is not guessed: they have to read back as the same
    try:
        read_back = [load_all(block) for block in texts]
    except ParseError:
        return None
    return texts if read_back == [[item] for item in items] else None


def write(
    items: Sequence[Resource], results: Sequence[Resource] = (), texts: Sequence[str | None] | None = None
) -> bytes:
    """A ResourceList that every door takes; items with a text in ``texts`` are written as that.

    Legacy plugins may print one too: kustomize unwraps it.
    """
    out = [f"apiVersion: {API_VERSION}\nkind: {KIND}\n"]
    if not items:
        out.append("items: []\n")
    else:
        out.append("items:\n")
        for index, item in enumerate(items):
            block = texts[index] if texts is not None and index < len(texts) else None
            out.append(f"- {emit.text(item)}\n" if block is None else _as_item(block))
    if results:
        out.append(f"results: {emit.text(list(results))}\n")
    return "".join(out).encode()


def _as_item(block: str) -> str:
    lines = block.splitlines(keepends=True)
    indented = "".join("  " + line if line.strip() else line for line in lines)
    return "- " + indented[2:] if indented.startswith("  ") else "-\n" + indented
