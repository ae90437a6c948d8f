"""Objects written by anybody are read without trusting their shape."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditwatch.findings.adoption import adopted
from auditwatch.findings.lifecycle import Watermark, read_lifecycle, read_triage, read_watermark
from auditwatch.findings.reading import Reader

SHAPES = {
    "text": "a",
    "number": 7,
    "flag": True,
    "list": ["a", 1, {"name": "x"}, None],
    "object": {"inner": "b"},
    "time": "2027-01-15T08:00:00Z",
}
FIELDS = st.sampled_from(
    [
        "metadata",
        "spec",
        "status",
        "triage",
        "watermark",
        "conditions",
        "groupBy",
        "journalID",
        "firstSeenTime",
        "state",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=30,
)


def test_each_type_is_read_as_itself() -> None:
    read = Reader(SHAPES)

    assert (read.text("text"), read.number("number"), read.time("time")) == ("a", 7, 1_800_000_000.0)
    assert read.texts("list") == ["a"]
    assert [item.text("name") for item in read.children("list")] == ["x"]
    assert read.child("object").text("inner") == "b"


def test_another_type_is_read_as_nothing() -> None:
    read = Reader(SHAPES)

    assert (read.text("number"), read.number("text"), read.number("flag"), read.time("text")) == ("", 0, 0, None)
    assert (read.texts("text"), read.children("object"), read.child("list").raw) == ([], [], {})


def test_a_word_is_one_of_those_asked_for() -> None:
    assert Reader({"state": "New"}).word("state", ("Old", "New"), "Old") == "New"
    assert Reader({"state": "Forged"}).word("state", ("Old", "New"), "Old") == "Old"


@given(st.dictionaries(FIELDS, JSON, max_size=6))
def test_no_object_makes_reading_fail(finding: dict[str, object]) -> None:
    triage = read_triage(finding)
    lifecycle = read_lifecycle(finding, through=None)

    assert adopted(finding, journal_id="a", cluster="prod") is None
    assert isinstance(triage.state, str)
    assert lifecycle.through is None
    assert isinstance(read_watermark(finding), Watermark)
