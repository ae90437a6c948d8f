"""Reading in processes: the same in the same order for any number of them, and bounded."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from auditwatch.events.needles import Needle, Needles
from auditwatch.scan import mapping, pool, selecting, windows
from auditwatch.scan.inputs import Input, InputError, inputs_of
from auditwatch.scan.pool import Task, pieces_of, read_all

from .making import KEY, event, line, log, noise

TASK = Task(needles=Needles.of([Needle(('"apiGroup":"config.kio.kasten.io"',))]), key=KEY, received=1.0)
Place = tuple[str, int, str]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little files are enough to need processes, pieces and parts."""
    monkeypatch.setattr(pool, "MIN_BYTES", 1)
    monkeypatch.setattr(pool, "PIECE_BYTES", 5000)
    monkeypatch.setattr(pool, "MAX_HELD_BYTES", 4000)
    monkeypatch.setattr(selecting, "PART_BYTES", 4096)
    for module in (mapping, windows):
        monkeypatch.setattr(module, "WINDOW_BYTES", 2048)


def _logs(tmp_path: Path) -> list[str]:
    plain = log(tmp_path / "a.log", *(event(number) if number % 7 == 0 else noise(number) for number in range(150)))
    packed = tmp_path / "b.log.gz"
    packed.write_bytes(gzip.compress(b"\n".join(line(event(number)) for number in range(200, 300))))
    return [str(plain), str(packed), str(log(tmp_path / "c.log", event(400)))]


def _found(names: list[str], jobs: int) -> list[Place]:
    """File, line and audit ID of everything found, in the order it came."""
    places: list[Place] = []
    lines = 0
    for read in read_all(inputs_of(names), TASK, jobs=jobs):
        places += [(read.of.name, lines + each.line, each.record.event.audit_id) for each in read.part.found]
        lines = 0 if read.is_last else lines + read.part.lines
    return places


def test_any_number_of_processes_finds_the_same_in_the_order_of_the_logs(tmp_path: Path) -> None:
    names = _logs(tmp_path)
    expected = [
        *((names[0], number, f"a-{number}") for number in range(0, 150, 7)),
        *((names[1], number - 200, f"a-{number}") for number in range(200, 300)),
        (names[2], 0, "a-400"),
    ]
    assert _found(names, 1) == expected
    assert _found(names, 3) == expected


def test_plain_files_are_read_in_pieces_that_meet(tmp_path: Path) -> None:
    (each,) = inputs_of([_logs(tmp_path)[0]])
    pieces = list(pieces_of(each, pool.PIECE_BYTES))
    assert len(pieces) > 3
    assert [piece.start for piece in pieces[1:]] == [piece.end for piece in pieces[:-1]]
    assert (pieces[0].start, pieces[-1].end) == (0, each.size)


def test_an_empty_file_is_read_to_its_end(tmp_path: Path) -> None:
    (read, *rest) = read_all(inputs_of([str(log(tmp_path / "empty.log"))]), TASK, jobs=1)
    assert (read.part.lines, [each.is_last for each in rest]) == (0, [True])


@pytest.mark.parametrize("jobs", [1, 2])
def test_damage_is_told_behind_what_was_read(tmp_path: Path, jobs: int) -> None:
    packed = tmp_path / "b.log.gz"
    packed.write_bytes(gzip.compress(line(event(1)) + b"\n")[:-6])
    names = [str(packed), str(log(tmp_path / "c.log", event(2)))]
    reads = list(read_all(inputs_of(names), TASK, jobs=jobs))
    assert [read.problem[:10] for read in reads if read.problem] == ["the end of"]
    assert [place[2] for place in _found(names, jobs)] == ["a-1", "a-2"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_went_away_ends_the_scan_with_its_name(tmp_path: Path, jobs: int) -> None:
    names = _logs(tmp_path)
    inputs = inputs_of(names)
    Path(names[2]).unlink()
    with pytest.raises(InputError, match=r"c\.log: cannot be read: No such file"):
        list(read_all(inputs, TASK, jobs=jobs))


def test_a_compressed_log_is_long_enough_for_processes_at_a_tenth_of_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MIN_BYTES", 1_000)

    assert not pool.is_long([Input("a.log", "Plain", 999)])
    assert pool.is_long([Input("a.log", "Plain", 500), Input("b.log", "Plain", 500)])
    assert not pool.is_long([Input("a.log.gz", "Gzip", 99)])
    assert pool.is_long([Input("a.log.gz", "Gzip", 100)])
