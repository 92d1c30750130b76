"""Reading an encrypted manifest at once gives what decrypting its text and reading that gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from krm_fn import emit
from krm_fn.decrypter import Decrypter
from krm_fn.root import Root
from kubectl_sops.core.selectors import Selector
from kubectl_sops.errors import SopsError
from kubectl_sops.files.decrypt import decrypt
from kubectl_sops.formats.yaml_load import load_all
from kubectl_sops.keys.keyring import Keyring
from tests.support.kustomize import EVERYTHING, SECRET_REGEX, Identity, seal

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029\ufeff"), max_size=12)
_KEYS = st.text("abcdefghijkl-._", min_size=1, max_size=6).filter(lambda key: key != "sops")
_SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT | st.sampled_from(["1e3", "yes", "", "~", "<<x", "2020-01-01", "a\nb\n", "- x", "# no comment"])
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=6
)
_DOCUMENTS = st.lists(
    st.fixed_dictionaries({"kind": st.just("K"), "data": st.dictionaries(_KEYS, _VALUES, max_size=4), "spec": _VALUES}),
    min_size=1,
    max_size=3,
)
_SELECTORS = st.sampled_from(
    [EVERYTHING, SECRET_REGEX, Selector("unencrypted_regex", "^spec$"), Selector("encrypted_suffix", "a")]
)
_IDENTITY = Identity()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=_DOCUMENTS, selector=_SELECTORS, only_encrypted=st.booleans(), comments=st.booleans())
def test_both_ways_agree(
    documents: list[dict[str, Any]], selector: Selector, only_encrypted: bool, comments: bool, tmp_path: Path
) -> None:
    """Values, types and order, over several documents and every way to select."""
    divider = "---\n# between\n" if comments else "---\n"
    plain = divider.join(emit.text(document) + "\n" for document in documents)
    sealed = seal(plain, _IDENTITY, selector=selector, mac_only_encrypted=only_encrypted)
    (tmp_path / "s.yaml").write_bytes(sealed)
    keys = Keyring(environ={}, identities=[_IDENTITY.secret], source="none")
    found = Decrypter(Root(str(tmp_path)), keys, {}).manifests("s.yaml")
    exact = load_all(decrypt(sealed, "yaml", keys))
    assert found == exact == documents
    assert [list(document) for document in found] == [list(document) for document in documents]  # type: ignore[call-overload]


@given(position=st.integers(0, 10_000), bit=st.integers(0, 6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_refuse_the_same(position: int, bit: int, tmp_path: Path) -> None:
    """A flipped bit anywhere: what the exact way refuses, the other refuses; what both accept is the same."""
    sealed = bytearray(_SEALED)
    sealed[position % len(sealed)] ^= 1 << bit
    (tmp_path / "s.yaml").write_bytes(sealed)
    keys = Keyring(environ={}, identities=[_IDENTITY.secret], source="none")
    try:
        exact = load_all(decrypt(bytes(sealed), "yaml", keys))
    except SopsError:
        with pytest.raises(SopsError):
            Decrypter(Root(str(tmp_path)), keys, {}).manifests("s.yaml")
    else:
        assert Decrypter(Root(str(tmp_path)), keys, {}).manifests("s.yaml") == exact


_SEALED = seal(
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  a: b\n  # c\n  d: 5\nother: [x, 1.5]\n",
    _IDENTITY,
)
