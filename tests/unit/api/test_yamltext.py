"""Text into data: a key that is there twice is refused, whichever loader reads it, and nothing ends the process."""

from __future__ import annotations

import pytest
import yaml

from auditwatch.api import yamltext
from auditwatch.api.yamltext import TwiceError, line_of, load, load_all, nodes_of, said_of

DEEP = "[" * 200 + "]" * 200
"""More than the fast loader is given."""


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", 3),
        ("- {name: x, where: [], name: y}\n", "name", 1),
        ('{"rules": [],\n "lists": [],\n "rules": []}', "rules", 3),
        ("a:\n  b: {c: 1}\n  d:\n  - e: 1\n    f: 2\n    e: 3\n", "e", 6),
        ('"1": a\n1: b\n', "1", 2),
        ("x: &x {a: 1}\ny: {<<: *x, b: 1, b: 2}\n", "b", 2),
        ("x: &x {a: 1}\ny: {<<: *x, <<: *x}\n", "<<", 2),
        (f"deep: {DEEP}\nlist: 1\nlist: 2\n", "list", 3),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_line(text: str, key: str, line: int) -> None:
    for read in (load, load_all):
        with pytest.raises(TwiceError) as caught:
            read(text)
        assert (line_of(caught.value), said_of(caught.value)) == (line, f'"{key}" is there twice: remove one')


def test_what_ships_with_the_program_is_read_as_strictly() -> None:
    with pytest.raises(TwiceError):
        load("{a: 1, a: 2}", is_ours=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[{a: 1}, {a: 2}]", [{"a": 1}, {"a": 2}]),
        ("x: &x {a: 1, b: 1}\ny: {<<: *x, a: 2}\n", {"x": {"a": 1, "b": 1}, "y": {"a": 2, "b": 1}}),
        ("p: &p {a: 1}\nq: &q {<<: *p, a: 2}\nr: {<<: [*q, *p], b: 3}", None),
        ("a: {<<: &q {<<: &r {k: 1}, k: 2}, k: 3}\nb: *q\n", {"a": {"k": 3}, "b": {"k": 2}}),
        ("A: 1\na: 2\n", {"A": 1, "a": 2}),
        ("", None),
    ],
)
def test_a_key_that_takes_the_place_of_one_taken_over_is_there_once(text: str, value: object) -> None:
    assert load(text) == (value if value is not None else yaml.safe_load(text))


def test_every_document_of_a_text_is_read_and_each_for_itself() -> None:
    text = "x: &x {a: 1}\ny: {<<: *x, a: 2}\n---\na: 1\n---\na: 2\n"
    assert load_all(text)[1:] == [{"a": 1}, {"a": 2}]
    assert [node.start_mark.line for node in nodes_of(text)] == [0, 3, 5]


def test_both_loaders_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'a: [1, 2.5, yes, null, "x", 2027-01-01]\nb: |\n  lines\n'
    fast = load(text)
    monkeypatch.setattr(yamltext, "_is_deep", lambda _text: True)
    assert load(text) == fast


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000 + "x", "{a: " * 30_000 + "}" * 30_000, DEEP * 40])
def test_a_text_of_any_depth_is_an_error_and_not_the_end_of_the_process(text: str) -> None:
    for read in (load, load_all, nodes_of):
        with pytest.raises((yaml.YAMLError, RecursionError)):
            read(text)


def test_the_error_is_told_as_the_loader_tells_it_that_knows_best() -> None:
    for text, said, line in (
        ("a: [", "expected the node content, but found '<stream end>'", 1),
        ("\0", "not allowed", None),
    ):
        with pytest.raises(yaml.YAMLError) as caught:
            load(text)
        assert said in said_of(caught.value)
        assert line_of(caught.value) == line
