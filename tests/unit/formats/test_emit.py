"""Whole trees as sops prints them."""

from __future__ import annotations

import json

import pytest

from kubectl_sops import formats
from kubectl_sops.core.leaf import INLINE, UNREAD, Leaf
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Sealed, Time
from kubectl_sops.errors import DumpError
from kubectl_sops.formats import emit
from kubectl_sops.formats.emit_tree import ListNode, MapNode, Remark
from tests.support.vectors import VECTORS

ANSWERS = [json.loads(line) for line in (VECTORS / "go-yaml/answers.jsonl").read_text("utf-8").split("\n") if line]


def tree(item):
    """A node of the recorded trees."""
    if isinstance(item, dict):
        if "map" in item:
            return MapNode([tree(entry[0]) if len(entry) == 1 else (entry[0], tree(entry[1])) for entry in item["map"]])
        if "list" in item:
            return ListNode([tree(entry) for entry in item["list"]])
        if "time" in item:
            return Time(item["time"])
        return Remark(item["comment"], inline=item["inline"])
    return item


def test_there_are_recorded_answers():
    """The recorded answers of go-yaml are there."""
    assert len(ANSWERS) >= 300


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_yaml_is_printed_as_by_go_yaml(number):
    """Scalars, indentation and comments come out byte for byte as go-yaml prints them."""
    question, answer = ANSWERS[number]
    documents = [tree(document) for document in question["Documents"]]
    assert emit.emit(documents, "yaml", indent=question["Indent"]).decode() == answer


def shown(text, path=(), **options):
    return emit.emit([MapNode([("k", text)])], "yaml", **options).decode()


def test_a_block_below_a_dash_reads_back():
    """sops writes an indentation digit there that its own parser can't read; ours is the one that holds."""
    document = MapNode([("l", ListNode([MapNode([("k", "  a\nb")]), " c\nd"])), ("m", " e\nf")])
    text = emit.emit([document], "yaml")
    assert text.decode() == (
        "l:\n    - k: |2-\n          a\n        b\n    - |2-\n       c\n      d\nm: |4-\n     e\n    f\n"
    )
    assert [leaf.value for leaf in formats.parse(text, "yaml").leaves] == ["  a\nb", " c\nd", " e\nf"]


def test_a_text_that_begins_with_a_tab_is_not_lost():
    """sops prints null for a text of several lines that begins with a tab."""
    assert shown("\ta\nb") == 'k: "\\ta\\nb"\n'


def test_bytes_that_are_not_utf8_are_binary_in_yaml():
    """Such text is printed in base64 with its tag."""
    assert shown("\udcff\udcfe") == "k: !!binary //4=\n"


@pytest.mark.parametrize(("indent", "blanks"), [(None, 4), (0, 4), (1, 2), (2, 2), (7, 7), (10, 2)])
def test_yaml_indentation_has_limits(indent, blanks):
    """0 means the default; what go-yaml does not take is 2."""
    assert emit.emit([MapNode([("a", ListNode([1]))])], "yaml", indent=indent) == b"a:\n" + b" " * blanks + b"- 1\n"


@pytest.mark.parametrize(("format", "indent"), [("yaml", -1), ("json", -2)])
def test_negative_indentation_is_refused(format, indent):
    """There is no such thing, but that -1 is a tab in JSON."""
    with pytest.raises(DumpError):
        emit.emit([MapNode()], format, indent=indent)


# --- the other formats


def test_json_is_printed_as_by_go():
    """Tabs, HTML escapes, shortest numbers; comments vanish."""
    document = MapNode(
        [
            Remark(" c"), ("a", "<&>\u2028é\"\\\n\x01"),
            ("b", ListNode([Remark("x"), 1, 1.0, 1e21, 1e-7, -0.0, None, True])), ("c", MapNode()),
            ("d", ListNode([Remark("x")])), ("e", Time("2020-01-02T03:04:05.5Z")), ("f", "\udcff"),
        ]
    )  # fmt: skip
    assert emit.emit([document], "json").decode() == (
        '{\n\t"a": "\\u003c\\u0026\\u003e\\u2028é\\"\\\\\\n\\u0001",\n\t"b": [\n\t\t1,\n\t\t1,\n\t\t1e+21,\n\t\t1e-7,\n'
        '\t\t-0,\n\t\tnull,\n\t\ttrue\n\t],\n\t"c": {},\n\t"d": [],\n\t"e": "2020-01-02T03:04:05.5Z",\n'
        '\t"f": "\\ufffd"\n}\n'
    )


@pytest.mark.parametrize(("indent", "text"), [(None, "\n\t"), (-1, "\n\t"), (0, "\n"), (2, "\n  ")])
def test_json_indentation(indent, text):
    """A tab by default; no blanks still means a line for each item."""
    assert emit.emit([MapNode([("a", 1)])], "json", indent=indent).decode() == f'{{{text}"a": 1\n}}\n'


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_json_has_no_infinity(value):
    """Such numbers can't be printed."""
    with pytest.raises(DumpError):
        emit.emit([MapNode([("a", value)])], "json")


def test_dotenv_is_printed_as_by_sops():
    """One line for each value, line breaks escaped; every line of a comment stays a comment."""
    document = MapNode(
        [
            Remark(" c"), ("A", "x\ny"), ("B", 1.0), ("C", None), ("D", True), ("E", Time("2020-01-02T03:04:05.5Z")),
            Remark("one\n# two\nthree"), ("F G", ""),
        ]
    )  # fmt: skip
    assert emit.emit([document], "dotenv") == (
        b"# c\nA=x\\ny\nB=1.0\nC=<nil>\nD=true\nE=2020-01-02T03:04:05Z\n#one\n# two\n#three\nF G=\n"
    )


def test_ini_is_printed_as_by_go_ini():
    """Keys are aligned, sections apart, comments at the section or at the key before them."""
    document = MapNode(
        [
            ("DEFAULT", MapNode()),
            ("s", MapNode([Remark("one\n# two"), ("a", "x"), Remark("for a"), ("long", "a;b"), ("k=v", "a\nb")])),
            Remark("lost"),
            ("t", MapNode([("a", ""), Remark("x"), Remark(" y "), ("b", " z"), ("n", 1.0), ("`", "`")])),
        ]
    )
    assert emit.emit([document], "ini").decode() == (
        '; one\n# two\n[s]\n; for a\na     = x\nlong  = `a;b`\n`k=v` = """a\nb"""\n\n'
        '[t]\n; y\na       = \nb       = " z"\nn       = 1.0\n"""`""" = """`"""\n'
    )


def test_ini_writes_what_reads_back():
    """go-ini writes some texts so that it reads others; ours are quoted in a way that holds."""
    text = emit.emit([MapNode([("s", MapNode([("a", "'x'"), ("b", "x\\"), ("c", '"')]))])], "ini")
    assert [leaf.value for leaf in formats.parse(text, "ini").leaves[1:]] == ["'x'", "x\\", '"']


def test_the_default_section_needs_no_header():
    """Keys of DEFAULT come first without a header; later ones have it."""
    keys = MapNode([("a", "1")])
    assert emit.emit([MapNode([("DEFAULT", keys), ("s", keys), ("DEFAULT", keys)])], "ini") == (
        b"a = 1\n\n[s]\na = 1\n\n[DEFAULT]\na = 1\n"
    )


def test_binary_is_its_data():
    """The one value of a binary file is printed as its bytes."""
    assert emit.emit([MapNode([("data", "a\udcff")])], "binary") == b"a\xff"


@pytest.mark.parametrize(
    ("format", "document"),
    [
        ("dotenv", MapNode([("CANARY", MapNode())])),
        ("dotenv", MapNode([("a", ListNode(["CANARY"]))])),
        ("ini", MapNode([("a", "CANARY")])),
        ("ini", MapNode([("a", MapNode([("b", ListNode(["CANARY"]))]))])),
        ("ini", MapNode([("a", MapNode([("b", 'CANARY`\n"""\n')]))])),
        ("ini", MapNode([("", MapNode([("b", "CANARY")]))])),
        ("ini", MapNode([("a", MapNode([("", "CANARY")]))])),
        ("binary", MapNode([("x", "CANARY")])),
        ("binary", MapNode([("data", 1)])),
        ("yaml", ListNode(["CANARY"])),
    ],
)
def test_what_a_format_can_not_hold_is_an_error(format, document):
    """The error names the key, never a value."""
    with pytest.raises(DumpError) as error:
        emit.emit([document], format)
    assert "CANARY" not in error.value.message + str(error.value.hint)


def test_several_documents_are_not_binary():
    """A stream has no one value."""
    with pytest.raises(DumpError):
        emit.emit([MapNode([("data", "a")])] * 2, "binary")


def test_only_yaml_has_several_documents():
    """Other formats hold the first one."""
    documents = [MapNode([("a", 1)]), MapNode([("b", 2)])]
    assert emit.emit(documents, "json") == b'{\n\t"a": 1\n}\n'
    assert emit.emit(documents, "dotenv") == b"a=1\n"


METADATA = Metadata({"age": [{"enc": "x\ny\n", "recipient": "r"}], "mac_only_encrypted": True, "version": "3"})


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (
            "yaml",
            "a:\n    b: ENC[x]\nsops:\n    age:\n        - enc: |\n            x\n            y\n"
            "          recipient: r\n"
            '    mac_only_encrypted: true\n    version: "3"\n',
        ),
        (
            "json",
            '{\n\t"a": {\n\t\t"b": "ENC[x]"\n\t},\n\t"sops": {\n\t\t"age": [\n\t\t\t{\n\t\t\t\t"enc": "x\\ny\\n",\n'
            '\t\t\t\t"recipient": "r"\n\t\t\t}\n\t\t],\n\t\t"mac_only_encrypted": true,\n\t\t"version": "3"\n\t}\n}\n',
        ),
        (
            "ini",
            "[a]\nb = ENC[x]\n\n[sops]\nage__list_0__map_enc       = x\\ny\\n\nage__list_0__map_recipient = r\n"
            "mac_only_encrypted         = true\nversion                    = 3\n",
        ),
    ],
)
def test_an_encrypted_document_has_its_sops_entry(format, text):
    """The metadata come last, as sops writes them."""
    document = MapNode([("a", MapNode([("b", "ENC[x]")]))])
    assert emit.emit([document], format, metadata=METADATA).decode() == text
    held = formats.parse(text.encode(), format).metadata
    assert held is not None
    assert held.groups[0][0].enc == "x\ny\n"


def test_encrypted_dotenv_and_binary():
    """dotenv has a line for each field; binary is the same JSON object as JSON."""
    assert (
        emit.emit([MapNode([("A", "ENC[x]")])], "dotenv", metadata=Metadata({"mac": "m"})) == b"A=ENC[x]\nsops_mac=m\n"
    )
    document = MapNode([("data", "ENC[x]")])
    assert emit.emit([document], "binary", metadata=METADATA) == emit.emit([document], "json", metadata=METADATA)


@pytest.mark.parametrize(
    ("format", "key"), [("yaml", "sops"), ("json", "sops"), ("ini", "sops"), ("dotenv", "sops_x"), ("binary", "sops")]
)
def test_a_name_that_metadata_need_is_refused(format, key):
    """A document with such an entry can't be encrypted."""
    with pytest.raises(DumpError):
        emit.emit([MapNode([(key, MapNode())])], format, metadata=METADATA)


# --- single values


@pytest.mark.parametrize(
    ("value", "format", "text"),
    [
        (5, "yaml", "5\n"), (None, "yaml", "null\n"), (1.0, "yaml", "1\n"), (ListNode([]), "yaml", "[]\n"),
        (ListNode(["x", 1, MapNode([("k", "v")])]), "yaml", "- x\n- 1\n- k: v\n"), (1e21, "json", "1e+21"),
        (True, "json", "true"), (ListNode([1, MapNode()]), "json", "[\n\t1,\n\t{}\n]"), (1.5, "ini", "1.5"),
        (None, "ini", "null"),
    ],
)  # fmt: skip
def test_a_value_by_itself(value, format, text):
    """As ``--extract`` prints it: YAML with a final line break, JSON without."""
    assert emit.emit_value(value, format).decode() == text


@pytest.mark.parametrize("format", ["dotenv", "binary"])
def test_formats_without_single_values(format):
    """dotenv and binary print texts only, which need no store."""
    with pytest.raises(DumpError):
        emit.emit_value(1, format)


def test_flat_text_is_the_text_of_dotenv():
    """The same text serves environment variables."""
    assert emit.flat_text(1.0) == "1.0"


# --- trees from leaves


def plain(node):
    if isinstance(node, MapNode):
        return [("#", item.text) if isinstance(item, Remark) else (item[0], plain(item[1])) for item in node.items]
    if isinstance(node, ListNode):
        return [["#", item.text] if isinstance(item, Remark) else plain(item) for item in node.items]
    return node


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", []),
        ('{"a": {"b": [1, [2, {}], []]}, "c": {}}', [("a", [("b", [1, [2, []], []])]), ("c", [])]),
        ('{"a": 1, "a": 2}', [("a", 1), ("a", 2)]),
        ('{"a": [1, 2], "a": [3]}', [("a", [1, 2]), ("a", [3])]),
        ('{"a": [[1], [2]], "a": [[3]]}', [("a", [[1], [2]]), ("a", [[3]])]),
        ('{"a": [{"b": 1}, {"b": 2}]}', [("a", [[("b", 1)], [("b", 2)]])]),
    ],
)
def test_trees_are_built_from_leaves(text, expected):
    """Paths become maps and lists; keys that come twice stay apart."""
    assert [plain(root) for root in emit.build(formats.parse(text.encode(), "json").leaves, {})] == [expected]


def test_sections_that_come_twice_stay_apart():
    """Two sections of one name are two maps."""
    document = formats.parse(b"[s]\na=1\n[s]\nb=2\n# tail\n", "ini")
    assert plain(emit.build(document.leaves, {})[0]) == [
        ("DEFAULT", []), ("s", [("a", "1")]), ("s", [("b", "2")]), ("#", "tail")
    ]  # fmt: skip


def test_comments_and_changes_find_their_places():
    """Comments keep their container; encrypted comments of a list become comments again; changed values take effect."""
    leaves = [
        Leaf((), Comment(" head")),
        Leaf((), Comment(" sops does not read it"), style=UNREAD),
        Leaf(("a",), Comment(" inline"), style=INLINE),
        Leaf(("a", 0), "ENC[1]"),
        Leaf(("a",), "ENC[listed]"),
        Leaf(("a", 2), Comment("ENC[2]"), style=INLINE),
        Leaf(("a", 2, "b"), 3),
        Leaf(("e",), Comment(" only")),
        Leaf(("e",), EMPTY_LIST),
        Leaf(("f",), "ENC[listed]"),
        Leaf((), Comment(" second"), document=1),
        Leaf((), EMPTY_MAP, document=1),
        Leaf(("x",), 1, document=2),
    ]
    changes = {3: "one", 4: Comment("listed"), 5: Comment("two"), 9: Comment("alone")}
    first, second, third = emit.build(leaves, changes)
    assert plain(first) == [
        ("#", " head"),
        ("a", [["#", " inline"], "one", ["#", "listed"], [("#", "two"), ("b", 3)]]),
        ("e", [["#", " only"]]),
        ("f", [["#", "alone"]]),
    ]
    remarks = [item for item in first.items[1][1].items if isinstance(item, Remark)]
    assert [remark.inline for remark in remarks] == [True, False]
    assert not first.items[1][1].items[3].items[0].inline
    assert plain(second) == [("#", " second")]
    assert plain(third) == [("x", 1)]


def test_ciphertexts_are_texts_and_comments():
    """A sealed comment stays a comment, a sealed value becomes a text."""
    leaves = [Leaf((), Comment(" c")), Leaf(("a",), 1)]
    root = emit.build(leaves, {0: Sealed("ENC[c]"), 1: Sealed("ENC[1]")})
    assert emit.emit(root, "yaml") == b"#ENC[c]\na: ENC[1]\n"
