"""What is left of kustomize's messages, which quote objects, patches and values."""

from __future__ import annotations

import pytest

from kubectl_sops.flux.build import readable

ROOT = "/dev/shm/kubectl-sops-build-x"


@pytest.mark.parametrize(
    ("stderr", "shown"),
    [
        (f"Error: accumulating resources from 'a.yaml': open {ROOT}/app/a.yaml: no such file or directory\n",
         "accumulating resources from 'a.yaml': open app/a.yaml: no such file or directory"),
        ("Error: trouble configuring builtin PatchTransformer with config: `\npatch: hunter2\n`: unable to parse SM or "
         'JSON patch from [patch: "[{value: hunter2}]"]\n',
         "trouble configuring builtin PatchTransformer with config: …: unable to parse SM or JSON patch "
         'from [patch: "…"]'),
        ("Error: missing metadata.name in object {{v1 Secret} {{ } map[a:hunter2] map[]}}\n",
         "missing metadata.name in object …"),
        ("panic: number of previous names not equal\n\ngoroutine 1 [running]:\nhunter2\n",
         "panic: number of previous names not equal"),
        ("Error: no matches for Id Secret.v1.[noGrp]/s.[noNs]; failed to find unique target\n",
         "no matches for Id Secret.v1.[noGrp]/s.[noNs]; failed to find unique target"),
        ("# Warning: 'bases' is deprecated\nError: yaml: unknown anchor 'hunter2' referenced\n",
         "yaml: unknown anchor '…' referenced"),
        ("Error: cannot unmarshal !!str `hunter2` into int\n", "cannot unmarshal !!str … into int"),
        ("Error: invalid value hunter2 for field\n", "invalid value … for field"),
    ],
    ids=["file", "patch", "object", "panic", "id", "anchor", "backquotes", "bare"],
)  # fmt: skip
def test_readable(stderr: str, shown: str) -> None:
    """The cause stays, whatever is quoted goes."""
    text = readable(stderr, ROOT, ["hunter2"])
    assert text == shown
    assert "hunter2" not in text
