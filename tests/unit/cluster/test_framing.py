"""Lines and list pages are cut right, whatever a client managed to store inside them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditwatch.cluster.framing import LineSplitter, decode_page, elements, is_error_event, members, nesting


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def test_lines_are_put_together_from_chunks() -> None:
    splitter = LineSplitter()

    assert list(splitter.feed(b"on")) == []
    assert list(splitter.feed(b"e\ntwo\nthr")) == [b"one", b"two"]
    assert list(splitter.feed(b"ee\n\n")) == [b"three"]


@settings(deadline=None)
@given(
    lines=st.lists(st.binary(min_size=1).map(lambda b: b.replace(b"\n", b".").strip() or b"x")), cut=st.integers(1, 9)
)
def test_no_cut_of_the_bytes_changes_the_lines(lines: list[bytes], cut: int) -> None:
    splitter, text = LineSplitter(), b"".join(line + b"\n" for line in lines)

    got = [line for at in range(0, len(text), cut) for line in splitter.feed(text[at : at + cut])]

    assert got == lines


def test_a_line_of_many_megabytes_is_one_line() -> None:
    splitter, chunk = LineSplitter(), b"x" * 65536
    for _ in range(300):
        assert list(splitter.feed(chunk)) == []

    [line] = splitter.feed(b"\n")

    assert len(line) == 300 * 65536


def test_a_page_gives_its_items_as_they_were_sent() -> None:
    body = b'{"kind":"L","metadata":{"resourceVersion":"5","continue":"abc"},"items":[{"a": 1},{"b":"}"}]}'

    page = decode_page(body)

    assert (page.items, page.resource_version, page.continue_token) == ([b'{"a": 1}', b'{"b":"}"}'], "5", "abc")
    assert not page.salvaged


@pytest.mark.parametrize("body", [b'{"items":null,"metadata":{}}', b'{"metadata":{}}', b'{"items":[]}'])
def test_an_empty_list_has_no_items(body: bytes) -> None:
    assert decode_page(body).items == []


@pytest.mark.parametrize("levels", [3000, 9900, 100_000])
def test_the_neighbours_of_a_hostile_item_are_kept(levels: int) -> None:
    """How deep a parser goes depends on the version of Python; what nobody parses is cut out by the scanner."""
    body = b'{"items":[{"n":"a]}"},%s,{"n":"b\\""}],"metadata":{"resourceVersion":"5","continue":"t"}}' % nested(levels)

    page = decode_page(body)

    assert page.items == [b'{"n":"a]}"}', nested(levels), b'{"n":"b\\""}']
    assert (page.resource_version, page.continue_token) == ("5", "t")
    assert page.salvaged or levels < 100_000


def test_an_item_with_invalid_unicode_is_kept_with_its_neighbours() -> None:
    page = decode_page(b'{"metadata":{"resourceVersion":"5"},"items":[{"a":"\\ud800"},{"b":"\xff"},{"c":1}]}')

    assert page.items == [b'{"a":"\\ud800"}', b'{"b":"\xff"}', b'{"c":1}']


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"items":[{}', b'{"items":{}}', b'{"metadata":3}'])
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_page(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(value=st.lists(json_values, max_size=6), indent=st.sampled_from([None, 1]))
def test_elements_are_what_a_parser_finds(value: list[object], indent: int | None) -> None:
    assert [json.loads(part) for part in elements(json.dumps(value, indent=indent).encode())] == value


@settings(deadline=None)
@given(value=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), json_values, max_size=6))
def test_members_are_what_a_parser_finds(value: dict[str, object]) -> None:
    assert {key: json.loads(part) for key, part in members(json.dumps(value).encode())} == value


@pytest.mark.parametrize("document", [b"", b"3", b'{"a":1', b'{"a":"}', b"{3:4}"])
def test_members_of_what_is_no_object_are_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        members(document)


@pytest.mark.parametrize(
    ("document", "levels"), [(b"[[[]]]", 3), (b"1", 0), (b'{"a":"[[[[["}', 1), (nested(9900), 9900)]
)
def test_nesting_counts_brackets_outside_of_texts(document: bytes, levels: int) -> None:
    assert nesting(document, enough=1 if levels == 1 else 3 if levels == 3 else 9900) == levels


def test_counting_nesting_stops_when_it_is_enough() -> None:
    assert nesting(nested(9900), enough=50) == 50


def test_an_error_event_is_told_from_an_object_that_speaks_of_errors() -> None:
    assert is_error_event(b'{"type":"ERROR","object":{}}')
    assert is_error_event(b' { "type" : "ERROR" ')
    assert not is_error_event(b'{"type":"ADDED","object":{"type":"ERROR"}}')


@pytest.mark.parametrize("more", ["{}", "x", ","])
def test_an_object_that_something_follows_is_not_whole(more: str) -> None:
    document = b'{"a": 1}' + more.encode()

    assert members(document) == [("a", b"1")]
    with pytest.raises(ValueError, match="something follows"):
        members(document, whole=True)
    assert members(b' {"a": 1}\n', whole=True) == [("a", b"1")]
