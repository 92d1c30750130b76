"""``check``: every planted leak is found, and clean layouts raise nothing."""

from __future__ import annotations

import base64
import json
import os
import sys

import pytest

from kubectl_sops.cli import check, status
from kubectl_sops.repo import guard
from kubectl_sops.repo.policy import Policy
from tests.support.command import call
from tests.support.repository import Repository
from tests.support.team import config, people, seal, secret, sops, work_as

CANARY = "CANARY-9f2b7e"
B64 = base64.b64encode(CANARY.encode()).decode()

ALICE, BOB = people("alice", "bob")


@pytest.fixture
def repo(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repo")
    repository.write({".sops.yaml": config(ALICE, BOB)})
    work_as(monkeypatch)
    monkeypatch.chdir(repository.folder)
    return repository


def found(*paths):
    """The findings of the work tree, as pairs of rule and file; no finding may hold a value."""
    policy, source = Policy(), guard.WorkTree(paths or ["."])
    findings = [f for inspection in guard.inspections(source, policy) for f in inspection.findings]
    for finding in findings:
        assert CANARY not in f"{finding}{finding.help}{finding!r}"
        assert B64 not in f"{finding}{finding.help}{finding!r}"
    return [(finding.rule, finding.file) for finding in findings]


PLAIN = {
    "stringData": secret(password=CANARY),
    "data": secret().replace("stringData:\n", f"data:\n  password: {B64}\n"),
    "number": secret(pin="1234"),
    "quoted kind": secret(password=CANARY).replace("kind: Secret", 'kind: "Secret"'),
    "flow": f"{{apiVersion: v1, kind: Secret, metadata: {{name: x}}, stringData: {{password: {CANARY}}}}}\n",
    "second document": f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: b\n---\n{secret(p=CANARY)}",
    "list": "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        f"  {'- ' if i == 0 else '  '}{line}\n" for i, line in enumerate(secret(p=CANARY).splitlines())),
    "block scalar": secret() + f"  key: |\n    {CANARY}\n    more\n",
    "one of two values": secret(password=CANARY, user="${USER}"),
    "crlf": secret(password=CANARY).replace("\n", "\r\n"),
    "bom": "\ufeff" + secret(password=CANARY),
}  # fmt: skip


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_plain_secrets_are_found(repo, text):
    """A Secret in plaintext is found however it is written."""
    repo.write({"apps/db.yaml": text})
    assert found() == [("plain-secret", "apps/db.yaml")]


def test_plain_json_secrets_are_found(repo):
    """JSON manifests count too."""
    repo.write({"db.json": f'{{"apiVersion": "v1", "kind": "Secret", "stringData": {{"password": "{CANARY}"}}}}'})
    assert found() == [("plain-secret", "db.json")]


def test_secrets_that_no_rule_covers_are_found(repo):
    """A repository that uses sops has no plain Secret beside its rules either."""
    repo.write({".sops.yaml": config(ALICE, path_regex=r"\.enc\.yaml$"), "db.yaml": secret(password=CANARY)})
    assert found() == [("plain-secret", "db.yaml")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("values.enc.yaml", f"db:\n  password: {CANARY}\n"),
        ("app.enc.json", f'{{"password": "{CANARY}"}}'),
        ("app.enc.env", f"PASSWORD={CANARY}\n"),
        ("app.enc.ini", f"[db]\npassword={CANARY}\n"),
        ("tls.enc.key", CANARY),
        ("config.enc.yaml", f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: {CANARY}\n"),
    ],
)
def test_plain_files_that_a_narrow_rule_covers_are_found(repo, name, text):
    """A rule about some names means every file with such a name."""
    repo.write({".sops.yaml": config(ALICE, path_regex=r"\.enc\.\w+$", encrypted_regex=""), name: text})
    assert found() == [("plain-file", name)]


@pytest.mark.parametrize(
    ("regex", "name"),
    [
        (r"^dev/.*\.(env|json|yaml|ini|txt)$", "dev/a.txt"),
        (r"^secrets/prod\.md$", "secrets/prod.md"),
        (r"\.env$", "prod.env"),
        (r"\.(ya?ml|json|env|ini)$", "deep/down/prod.env"),
        (r"\.env$", ".env"),
        (r"^prod/.*\.ini$", "prod/app.ini"),
        (r"\.(env|ini|key)$", "tls/app.key"),
    ],
)
def test_plain_files_that_a_rule_names_by_their_ending_are_found(repo, regex, name):
    """An ending that a rule asks for says that such a file is meant, even one of prose, or one in any folder."""
    text = f"[db]\npassword={CANARY}\n" if name.endswith(".ini") else f"PASSWORD={CANARY}\n"
    repo.write({".sops.yaml": config(ALICE, path_regex=regex, encrypted_regex=""), name: text})
    assert found() == [("plain-file", name)]


@pytest.mark.parametrize("regex", [r"\.ini$", r".*\.ini$", r"\.(env|ini)$"])
def test_configuration_of_other_programs_is_not_meant(repo, regex):
    """A rule for an ending that half the programs read is about the secrets among them."""
    repo.write({".sops.yaml": config(ALICE, path_regex=regex, encrypted_regex=""), "pytest.ini": "[pytest]\na = b\n"})
    assert found() == []


def damaged(repo, change):
    """An encrypted Secret that somebody changed by hand."""
    repo.write({"db.yaml": secret(user="app", password=CANARY)})
    seal(repo.folder, "db.yaml")
    path = repo.folder / "db.yaml"
    path.write_text(change(path.read_text()))


def _value_in_clear(text):
    start = text.index("    password: ")
    return text[:start] + f"    password: {CANARY}" + text[text.index("\n", start) :]


def _without(text, field):
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(f"    {field}:"))


DAMAGES = {
    "value in clear": (_value_in_clear, "plain-value"),
    "value added": (lambda t: t.replace("stringData:\n", f"stringData:\n    token: {CANARY}\n"), "plain-value"),
    "data added": (lambda t: t.replace("stringData:\n", f"data:\n    token: {B64}\nstringData:\n"), "plain-value"),
    "number added": (lambda t: t.replace("stringData:\n", "stringData:\n    pin: 1234\n"), "plain-value"),
    "ciphertext cut": (lambda t: t.replace(",iv:", ",ix:", 1), "plain-value"),
    "no metadata": (lambda t: t[: t.index("sops:")], "metadata-missing"),
    "no mac": (lambda t: _without(t, "mac"), "metadata-invalid"),
    "damaged mac": (lambda t: t.replace("mac: ENC[AES256_GCM,data:", "mac: ENC[AES256_GCM,data:*"), "metadata-invalid"),
    "no version": (lambda t: _without(t, "version"), "metadata-invalid"),
    "no lastmodified": (lambda t: _without(t, "lastmodified"), "metadata-invalid"),
    "two selectors": (lambda t: t.rstrip() + "\n    encrypted_suffix: x\n", "metadata-invalid"),
    "broken regex": (lambda t: t.replace("^(data|stringData)$", "^(data"), "metadata-invalid"),
    "recipient without key": (lambda t: t.replace("- enc: |", "- foo: |", 1), "metadata-invalid"),
    "damaged armor": (lambda t: t.replace("-----BEGIN AGE", "-----BEGIN AGF", 1), "metadata-invalid"),
    "metadata not a map": (lambda t: t[: t.index("sops:")] + "sops: mac\n", "metadata-invalid"),
    "conflict": (lambda t: "<<<<<<< ours\n" + t + "=======\n" + t + ">>>>>>> theirs\n", "conflict"),
    "recipient missing": (lambda t: t.replace(BOB.recipient, ALICE.recipient), "recipients"),
    "ciphertext elsewhere": (lambda t: t.replace("type: Opaque\n", "")
                             + "x: ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]\n", "stray-ciphertext"),
    "encrypted name": (lambda t: t.replace("name: db", "name: ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]"),
                       "encrypted-identity"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "rule"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_files_are_found(repo, change, rule):
    """What people, formatters and merges do to an encrypted file is named for what it is."""
    damaged(repo, change)
    assert {kind for kind, _ in found()} - {"selector"} == {rule}


def test_everything_encrypted_is_found(repo):
    """A Secret encrypted without a selector has no usable name and kind."""
    repo.write({".sops.yaml": config(ALICE, encrypted_regex=""), "db.yaml": secret(password=CANARY)})
    seal(repo.folder, "db.yaml")
    assert found() == [("encrypted-identity", "db.yaml")]


def test_half_encrypted_streams_are_found(repo):
    """A plain Secret behind an encrypted one, and an encrypted document without metadata of its own."""
    repo.write({"db.yaml": secret(password=CANARY) + "---\n" + secret("two", token=CANARY)})
    seal(repo.folder, "db.yaml")
    path = repo.folder / "db.yaml"
    text = path.read_text()
    first, second = text.split("\n---\n")
    path.write_text(first + "\n---\n" + second[: second.index("sops:")])
    assert ("metadata-missing", "db.yaml") in found()
    path.write_text(first + "\n---\n" + secret("two", token=CANARY))
    assert ("half-encrypted", "db.yaml") in found()


def test_private_keys_are_found(repo):
    """An age identity is known by its check sum, a PEM key by its body."""
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    repo.write({"keys.txt": f"# created\n{ALICE.identity}\n", "doc.md": "AGE-SECRET-KEY-1" + "Q" * 58, "id": pem})
    assert found() == [("private-key", "id"), ("private-key", "keys.txt")]


def test_generators_are_checked(repo):
    """Literals, plaintext inputs, and generators among the resources."""
    ksops = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: g\nfiles:\n  - ./values.yaml\n"
    repo.write({
        "kustomization.yaml": "resources:\n  - gen.yaml\nsecretGenerator:\n  - name: a\n    literals:\n"
                              f"      - password={CANARY}\n  - name: b\n    envs:\n      - app.env\n",
        "gen.yaml": ksops, "values.yaml": "a: 1\n", "app.env": f"A={CANARY}\n",
    })  # fmt: skip
    assert found() == [
        ("generator-plain", "gen.yaml"),
        ("generator-literal", "kustomization.yaml"),
        ("generator-plain", "kustomization.yaml"),
        ("generator-resource", "kustomization.yaml"),
    ]


KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - db.yaml\n"
FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  decryption:
    provider: sops
    secretRef:
      name: sops-age
"""
EXTERNAL = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: db
spec:
  data:
    - secretKey: password
      remoteRef:
        key: db
"""
SEALED = (
    "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: x\nspec:\n  encryptedData:\n    a: AgB\n"
)
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  DOMAIN: example.org\n"
HELM = "apiVersion: v1\nkind: Secret\nmetadata: {{ .Names }}\nstringData:\n  a: {{ .Values.a | quote }}\n"
ACCOUNT = (
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: t\n  annotations:\n"
    "    kubernetes.io/service-account.name: x\ntype: kubernetes.io/service-account-token\n"
)

LAYOUTS = {
    "flux monorepo": {
        ".sops.yaml": config(ALICE, BOB),
        "clusters/prod/flux-system/kustomization.yaml": KUSTOMIZATION,
        "clusters/prod/apps.yaml": FLUX,
        "apps/base/settings.yaml": CONFIG_MAP,
        "apps/base/external.yaml": EXTERNAL,
        "apps/base/sealed.yaml": SEALED,
        "apps/base/token.yaml": ACCOUNT,
        "apps/base/empty.yaml": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\nstringData: {}\n",
        "apps/prod/ENC db.yaml": secret(password=CANARY),
        "README.md": "```yaml\nsops:\n  mac: ENC[AES256_GCM,data:x]\n  lastmodified: x\n```\n",
        ".github/workflows/ci.yaml": "on: push\njobs:\n  a:\n    env:\n      kind: Secret\n",
    },
    "suffix layout with substitution": {
        ".sops.yaml": config(ALICE, BOB, path_regex=r"kubernetes/.+\.sops\.ya?ml"),
        "kubernetes/flux/vars/ENC cluster-secrets.sops.yaml": secret("cluster-secrets", SECRET_DOMAIN=CANARY),
        "kubernetes/flux/vars/cluster-settings.yaml": CONFIG_MAP,
        "kubernetes/apps/db/secret.yaml": secret(password="${SECRET_DB_PASSWORD}"),
        "kubernetes/apps/db/helmrelease.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec: {}\n",
        "kubernetes/apps/db/kustomization.yaml": KUSTOMIZATION,
        "talos/talconfig.yaml": "clusterName: x\nnodes: []\n",
    },
    "folder per environment": {
        ".sops.yaml": config(ALICE, BOB, path_regex="secrets/.*", encrypted_regex=""),
        "secrets/ENC prod.env": f"PASSWORD={CANARY}\n",
        "secrets/ENC app.json": f'{{"password": "{CANARY}"}}',
        "secrets/ENC tls.key": CANARY,
        "secrets/README.md": "Files here are encrypted.\n",
        "secrets/prod.env.example": "PASSWORD=change-me\n",
        "src/config.ini": "[a]\nb=c\n",
    },
    "helm chart": {
        ".sops.yaml": config(ALICE, BOB, path_regex=r"values/.*\.enc\.yaml$", encrypted_regex=""),
        "chart/templates/secret.yaml": HELM,
        "chart/values.yaml": "password: ''\n",
        "values/ENC prod.enc.yaml": f"password: {CANARY}\n",
        "values/prod.yaml": "replicas: 2\n",
    },
    "every kind that sops knows": {
        ".sops.yaml": config(ALICE, BOB, path_regex=r".*\.(ya?ml|json|env|ini|txt)", encrypted_regex=""),
        ".yamllint": "extends: default\n",
        "pytest.ini": "[pytest]\naddopts=-q\n",
        "requirements.txt": "pyyaml\n",
        "package.json": '{"name": "x"}',
        "docker-compose.yml": "services: {web: {image: nginx}}\n",
    },
    "every file": {
        ".sops.yaml": config(ALICE, BOB, path_regex=".*", encrypted_regex=""),
        "app.env": "A=1\n",
        "setup.ini": "[a]\nb=c\n",
        "tool.key": "x\n",
    },
    "files with a word in their name": {
        ".sops.yaml": config(ALICE, BOB, path_regex=".*secrets?.*", encrypted_regex=""),
        "docs/secret-management.md": "How to.\n",
        "secrets/notes.txt": "Who has which.\n",
        "secrets/.gitattributes": "*.json diff=sops\n",
        "secrets/.gitignore": "*.dec\n",
        "secrets/ENC app.json": f'{{"password": "{CANARY}"}}',
    },
    "no sops at all": {"config/samples/secret.yaml": secret(password="example"), "app.env": "A=1\n"},
}  # fmt: skip


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS)
def test_clean_layouts_raise_nothing(repo, files):
    """What well-kept repositories look like; names with ``ENC`` are encrypted by real sops."""
    (repo.folder / ".sops.yaml").unlink()
    names = {name: name.replace("ENC ", "") for name in files}
    repo.write({names[name]: text for name, text in files.items()})
    seal(repo.folder, *(plain for name, plain in names.items() if name != plain))
    assert found() == []


def test_the_index_is_what_counts_when_staged(repo):
    """``--staged`` reads what the next commit would hold, not what lies in the work tree."""
    repo.write({"db.yaml": secret(password=CANARY)})
    repo.git("add", "-A")
    seal(repo.folder, "db.yaml")
    assert call(check.COMMAND, "--staged", "-q").code == 1
    assert call(check.COMMAND, "-q").code == 0
    repo.git("add", "-A")
    repo.write({"db.yaml": secret(password=CANARY)})
    assert call(check.COMMAND, "--staged", "-q").code == 0
    repo.git("commit", "-qm", "x")
    assert call(check.COMMAND, "--staged").err == "0 files checked: no findings\n"


def test_the_staged_rules_count(repo):
    """Rules come from the index too, where they are staged."""
    repo.write({"db.yaml": secret(password=CANARY)})
    seal(repo.folder, "db.yaml")
    repo.git("add", "-A")
    repo.write({".sops.yaml": config(ALICE)})
    assert call(check.COMMAND, "--staged", "-q").code == 0
    repo.git("add", "-A")
    assert call(check.COMMAND, "--staged", "-q").code == 1


def test_a_hook_runs_it(repo):
    """From a Git hook, with the environment that Git gives to hooks and from a folder below."""
    import sys

    hook = repo.folder / ".git/hooks/pre-commit"
    hook.write_text(f"#!/bin/sh\nexec {sys.executable} -m kubectl_sops check --staged\n")
    hook.chmod(0o755)
    repo.write({"sub/db.yaml": secret(password=CANARY)})
    env = {"PYTHONPATH": os.fspath(guard.__file__).rpartition("/kubectl_sops/")[0]}
    repo.git("add", "-A")
    refused = repo.git("commit", "-m", "leak", check=False, env=env)
    assert refused.returncode == 1
    assert b"sub/db.yaml:6" in refused.stdout + refused.stderr
    seal(repo.folder, "sub/db.yaml")
    repo.git("add", "-A")
    assert repo.git("commit", "-m", "sealed", check=False, env=env).returncode == 0


@pytest.mark.parametrize("form", ["text", "github", "json", "sarif"])
def test_forms_name_file_and_line(repo, form):
    """Every form says where, and none says what."""
    import json

    repo.write({"a dir/db,1.yaml": secret(password=CANARY)})
    result = call(check.COMMAND, "--format", form)
    assert result.code == 1
    assert CANARY not in result.out + result.err
    if form == "text":
        assert result.out.startswith("error: a dir/db,1.yaml:6: stringData.password: Secret/db is not encrypted")
        assert result.err == "2 files checked: 1 finding\n"
    elif form == "github":
        assert result.out.startswith("::error file=a dir/db%2C1.yaml,line=6,title=plain-secret::stringData.password")
    elif form == "json":
        (finding,) = json.loads(result.out)
        assert (finding["file"], finding["line"], finding["path"]) == ("a dir/db,1.yaml", 6, "stringData.password")
    else:
        (run,) = json.loads(result.out)["runs"]
        place = run["results"][0]["locations"][0]["physicalLocation"]
        assert place == {"artifactLocation": {"uri": "a%20dir/db%2C1.yaml"}, "region": {"startLine": 6}}
        assert run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"]]["id"] == "plain-secret"


@pytest.mark.parametrize("form", ["github", "sarif"])
def test_machines_know_files_from_the_top(repo, monkeypatch, tmp_path, form):
    """Below the top, outside the repository and with --staged; what has no file keeps its name."""
    repo.write({"apps/a/db.yaml": secret(password=CANARY)})
    repo.git("add", "-A")
    for folder, *args in (
        (repo.folder, "."), (repo.folder / "apps", "."), (repo.folder / "apps/a", "db.yaml"), (tmp_path, "repo/apps"),
        (repo.folder / "apps/a", "--staged"),
    ):  # fmt: skip
        monkeypatch.chdir(folder)
        out = call(check.COMMAND, "--format", form, *args).out
        assert ("file=apps/a/db.yaml,line=6" if form == "github" else '"uri": "apps/a/db.yaml"') in out, folder
    stream = call(check.COMMAND, "--format", form, "-", stdin=b"a: ENC[AES256_GCM,data:x]\n").out
    assert ("file=<stdin>" if form == "github" else '"uri": "%3Cstdin%3E"') in stream


def test_rules_with_what_is_no_recipient(repo, monkeypatch):
    """A finding at its line, once, while everything else is checked; a private key there is not repeated."""
    import json

    repo.write({"apps/db.yaml": secret(a="1"), "apps/web.yaml": secret(a="1"), "other/x.yaml": secret(password=CANARY)})
    seal(repo.folder, "apps/db.yaml", "apps/web.yaml")
    rules = config(ALICE, BOB).replace("age:\n", "age:\n      - age1xyz\n") + f"  - age: {ALICE.identity}\n"
    repo.write({".sops.yaml": rules})
    for folder, place in ((repo.folder, ".sops.yaml"), (repo.folder / "apps", "../.sops.yaml")):
        monkeypatch.chdir(folder)
        result = call(check.COMMAND, "--format", "json")
        assert result.code == 1
        assert ALICE.identity not in result.out + result.err
        shown = [(f["rule"], f["file"], f["line"]) for f in json.loads(result.out) if f["rule"] != "private-key"]
        plain = [("plain-secret", "other/x.yaml", 6)] if folder == repo.folder else []
        assert sorted(shown, key=str) == sorted(
            [*plain, ("rule-recipient", place, 4), ("rule-recipient", place, 7)], key=str
        )
    monkeypatch.chdir(repo.folder)
    assert "file=.sops.yaml,line=4,title=rule-recipient::malformed" in call(check.COMMAND, "--format", "github").out
    assert call(check.COMMAND, "other/x.yaml").out.count("[rule-recipient]") == 2


def test_failures_are_not_findings(repo):
    """Exit code 2 where the check itself can't be done."""
    repo.write({".sops.yaml": "creation_rules: nonsense\n"})
    assert call(check.COMMAND).code == 2
    assert call(check.COMMAND, "gone.yaml").code == 2


def test_rendered_output_is_checked(repo):
    """``check -`` finds what came out of kustomize still encrypted."""
    repo.write({"db.yaml": secret(password=CANARY)})
    seal(repo.folder, "db.yaml")
    sealed = (repo.folder / "db.yaml").read_bytes()
    assert call(check.COMMAND, "-", stdin=sealed).code == 1
    assert call(check.COMMAND, "-", stdin=sops(["decrypt", "db.yaml"], repo.folder, ALICE)).code == 0


def test_files_can_be_left_out(repo):
    """Throw-away keys of a test suite are no leak; patterns cross folders."""
    repo.write({"tests/a/keys.txt": ALICE.identity, "db.yaml": secret(password=CANARY)})
    assert call(check.COMMAND, "-q").out.count("error:") == 2
    result = call(check.COMMAND, "-q", "--exclude", "tests/*")
    assert result.out.startswith("error: db.yaml:6")
    assert result.out.count("error:") == 1


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take UTF-8 names only")
def test_names_that_are_not_utf8_meet_rules(repo):
    """Files come with any bytes in their names; a rule is matched against them all the same."""
    repo.write({".sops.yaml": config(ALICE, path_regex=r"^apps/.*\.yaml$")})
    (repo.folder / "apps").mkdir()
    with open(os.fsencode(repo.folder) + b"/apps/\xff.yaml", "w") as file:
        file.write(secret(password=CANARY))
    assert found() == [("plain-secret", "apps/\udcff.yaml")]
    for form in ("json", "sarif", "github"):
        result = call(check.COMMAND, "--format", form)
        assert result.code == 1, result
        if form != "github":
            assert json.loads(result.out)
    assert "apps/%FF.yaml" in call(check.COMMAND, "--format", "sarif").out
    seal(repo.folder, os.fsdecode(b"apps/\xff.yaml"))
    listed = call(status.COMMAND, "-o", "json").out
    assert [row["file"] for row in json.loads(listed.encode("utf-8"))["items"]] == ["apps/\udcff.yaml"]
