"""Files of one log, named in any order, are read oldest first, so that old values are older than new ones."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from auditwatch.scan.inputs import Input, inputs_of
from auditwatch.scan.ordering import first_time, in_order

from .making import event, line, log, noise, places, plan, scanned

PAUSED = """
- name: paused
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [update]}
  where: [{field: object.spec.paused, operator: ChangedTo, values: ["true"]}]
"""
MIDNIGHT = 1_767_225_600.0


def _written(number: int, verb: str, *, paused: bool) -> dict[str, Any]:
    body = {"metadata": {"name": "daily", "namespace": "kasten-io"}, "spec": {"paused": paused}}
    return event(number, verb=verb, name="daily", level="RequestResponse", responseObject=body)


def _names(*given: str | Path) -> list[str]:
    return [Path(each.name).name for each in in_order(inputs_of([str(each) for each in given]))]


def _logs(directory: Path, **numbers: int) -> list[Path]:
    directory.mkdir(exist_ok=True)
    return [log(directory / name, event(number)) for name, number in numbers.items()]


def test_what_the_shell_names_newest_first_is_read_oldest_first(tmp_path: Path) -> None:
    newer = log(tmp_path / "audit.log", noise(8), _written(9, "update", paused=True))
    older = log(tmp_path / "audit.log.1", noise(1), _written(2, "create", paused=False))
    for given in ((newer, older), (older, newer)):
        scan, matches = scanned(plan(tmp_path, PAUSED), *given)
        assert [(change.old, change.new) for state in scan.findings() for change in state.changes] == [
            ("false", "true")
        ]
        assert places(matches) == [("audit.log", 2, 0)]


def test_compressed_ones_are_put_right_as_well(tmp_path: Path) -> None:
    (tmp_path / "audit.log.2.gz").write_bytes(gzip.compress(line(event(1)) + b"\n"))
    log(tmp_path / "audit.log.1", event(20))
    log(tmp_path / "audit.log", event(30))
    given = sorted(tmp_path.iterdir())
    assert [path.name for path in given] == ["audit.log", "audit.log.1", "audit.log.2.gz"]
    assert _names(*given) == ["audit.log.2.gz", "audit.log.1", "audit.log"]


def test_nothing_is_moved_past_a_stream(tmp_path: Path) -> None:
    four, three, two, one = _logs(tmp_path, d=4, c=3, b=2, a=1)
    assert _names(four, three, "-", two, one) == ["c", "d", "-", "a", "b"]


def test_files_of_other_directories_and_whole_directories_stay_where_they_are(tmp_path: Path) -> None:
    newer, older = _logs(tmp_path / "one", **{"n.log": 9, "o.log": 1})
    (other,) = _logs(tmp_path / "two", **{"x.log": 5})
    assert _names(newer, other, older) == ["o.log", "x.log", "n.log"]
    _logs(tmp_path / "three", **{"a.log": 8, "b.log": 7})
    assert _names(newer, tmp_path / "three", older) == ["o.log", "a.log", "b.log", "n.log"]


def test_one_directory_is_one_however_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer, _ = _logs(tmp_path, **{"n.log": 9, "o.log": 1})
    monkeypatch.chdir(tmp_path)
    assert _names(newer, "./o.log") == ["o.log", "n.log"]


def test_what_does_not_tell_when_it_is_from_stays_where_it_is(tmp_path: Path) -> None:
    newer, older = _logs(tmp_path, n=9, o=1)
    empty, text = log(tmp_path / "empty"), log(tmp_path / "text", b"hello")
    assert _names(empty, newer, text, older) == ["empty", "o", "text", "n"]


def test_of_the_same_time_the_first_named_is_the_first(tmp_path: Path) -> None:
    assert _names(*_logs(tmp_path, z=1, a=1, m=0)) == ["m", "z", "a"]


@pytest.mark.parametrize(
    "before",
    [b"", line(event(1))[200:], b"{}\n" * 5, line(event(1, requestReceivedTimestamp=None, stageTimestamp=None))],
)
def test_the_first_event_with_a_time_counts(tmp_path: Path, before: bytes) -> None:
    path = log(tmp_path / "audit.log", before, event(7), event(8))
    assert first_time(inputs_of([str(path)])[0]) == MIDNIGHT + 7


def test_a_list_of_events_tells_by_its_first(tmp_path: Path) -> None:
    listed = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [event(3), event(4)]}
    assert first_time(inputs_of([str(log(tmp_path / "a.log", listed))])[0]) == MIDNIGHT + 3


def test_what_cannot_be_read_tells_nothing_here(tmp_path: Path) -> None:
    damaged = tmp_path / "a.log.gz"
    damaged.write_bytes(b"\x1f\x8b" + b"no gzip after all")
    assert first_time(inputs_of([str(damaged)])[0]) is None
    assert first_time(Input(str(tmp_path / "gone"), "Plain", 9)) is None


def test_a_file_alone_is_not_looked_at_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = _logs(tmp_path / "a", x=1) + _logs(tmp_path / "b", y=0)
    monkeypatch.setattr("auditwatch.scan.ordering.first_time", lambda _of: pytest.fail("it was read"))
    assert _names(one, other) == ["x", "y"]
