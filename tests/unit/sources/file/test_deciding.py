"""What is decided without opening anything: names, order, what is superseded, what is remembered, what is the same."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from auditwatch.sources.file.gaps import written_at
from auditwatch.sources.file.identity import begin_alike, digest, has_head, identify, is_finished_copy
from auditwatch.sources.file.naming import LIVE, Grammar, Name
from auditwatch.sources.file.position import FilePosition
from auditwatch.sources.file.rotation import (
    FILES_KEPT,
    MISSING_KEPT,
    Entry,
    expect_last,
    forget,
    in_order,
    is_superseded,
    newest_backup,
    read_up_to,
    to_examine,
)
from tests.unit.sources.file.making import event

EARLY, LATE = "2026-01-01T00-00-00.000", "2026-01-02T00-00-00.000"


def name(stamp: str, *, is_gzip: bool = False) -> Name:
    return Name(f"audit-{stamp}.log{'.gz' if is_gzip else ''}" if stamp != LIVE else "audit.log", stamp, is_gzip)


def entry(stamp: str, inode: int, *, is_gzip: bool = False, is_regular: bool = True) -> Entry:
    return Entry(name(stamp, is_gzip=is_gzip), 1, inode, 100, 0, is_regular)


def known(content: bytes, offset: int, *, text: str = "audit.log", inode: int = 1, ended: bool = False) -> FilePosition:
    head = content[:1024]
    return FilePosition(
        name=text,
        device=1,
        inode=inode,
        head=digest(head),
        head_length=len(head),
        offset=offset,
        trail=digest(content[max(0, offset - 4096) : offset]),
        size=len(content),
        ended=ended,
    )


def found(content: bytes, *files: FilePosition, inode: int = 9) -> FilePosition | None:
    return identify(
        files,
        inode=(1, inode),
        head=content[:1024],
        size=len(content),
        trail_at=lambda offset: content[max(0, offset - 4096) : offset],
    )


@pytest.mark.parametrize(
    ("text", "stamp", "is_gzip"),
    [
        ("audit.log", LIVE, False),
        (f"audit-{EARLY}.log", EARLY, False),
        (f"audit-{EARLY}.log.gz", EARLY, True),
    ],
)
def test_names_of_the_log_are_understood(text: str, stamp: str, *, is_gzip: bool) -> None:
    assert Grammar(PurePath("/var/log/audit.log")).read(text) == Name(text, stamp, is_gzip)


@pytest.mark.parametrize(
    "text",
    [
        "audit.log.1", "audit.log.gz", f"audit-{EARLY}.log.bz2", f"other-{EARLY}.log", f"audit-{EARLY}", "auditXlog",
        f"audit-{EARLY}.log.lock", "audit-2026-01-01.log",
    ],
)  # fmt: skip
def test_other_names_are_not(text: str) -> None:
    assert Grammar(PurePath("/var/log/audit.log")).read(text) is None


def test_a_log_without_an_extension_has_backups_too() -> None:
    assert Grammar(PurePath("/var/log/kube.audit/audit")).read(f"audit-{EARLY}") == Name(f"audit-{EARLY}", EARLY)


def test_a_name_tells_its_time_and_an_impossible_one_none() -> None:
    assert name(EARLY).time == 1_767_225_600.0
    assert name("2026-13-01T00-00-00.000").time is None
    assert name(LIVE).time is None


def test_files_come_oldest_first_the_live_one_last_and_a_copy_not_beside_its_original() -> None:
    entries = [entry(LIVE, 3), entry(LATE, 2), entry(EARLY, 1), entry(LATE, 5, is_gzip=True)]

    assert [one.inode for one in in_order(entries)] == [1, 2, 3]


def test_what_is_held_settled_unwanted_or_no_file_is_not_examined() -> None:
    held, settled, wanted = entry(LIVE, 1), entry(LATE, 2), entry(LATE, 3)
    entries = [held, settled, wanted, entry(EARLY, 4), entry(LATE, 5, is_regular=False)]

    assert to_examine(entries, held={(1, 1)}, settled={settled.state}, before=EARLY) == [wanted]


def test_a_backup_is_superseded_by_anything_later_and_the_live_file_by_another_of_its_name() -> None:
    assert is_superseded(EARLY, (1, 1), [entry(EARLY, 1), entry(LATE, 2)])
    assert is_superseded(EARLY, (1, 1), [entry(EARLY, 1), entry(LIVE, 2)])
    assert not is_superseded(EARLY, (1, 1), [entry(EARLY, 1)])
    assert not is_superseded(LIVE, (1, 1), [entry(LATE, 2), entry(LIVE, 1)])
    assert is_superseded(LIVE, (1, 1), [entry(LIVE, 2)])
    assert not is_superseded(LIVE, (1, 1), [entry(LIVE, 2, is_regular=False)])


def test_the_newest_backup_is_found_by_its_name() -> None:
    assert newest_backup([entry(LIVE, 1), entry(EARLY, 2), entry(LATE, 3)]) == LATE
    assert newest_backup([entry(LIVE, 1)]) == ""


def test_what_is_present_is_remembered_before_what_is_missing_and_neither_without_end() -> None:
    missing = [known(b"x", 1, text=f"gone-{number}") for number in range(100)]
    present = [known(b"x", 1, text=f"here-{number}") for number in range(100)]
    kept = forget([*missing, *present], {one.name: number >= 5 for number, one in enumerate(present)})

    assert kept == (*missing[-MISSING_KEPT:], *present[5:])


def test_backups_are_passed_over_once_they_are_too_many_and_none_that_is_not_read() -> None:
    stamps = [f"2026-01-01T00-00-00.{number:03d}" for number in range(3)]
    live = [
        entry(LIVE, 9_999),
        *[entry(f"2026-01-02T00-00-{n // 1000:02d}.{n % 1000:03d}", n + 10) for n in range(FILES_KEPT - 1)],
    ]
    entries = [
        *(entry(stamp, number) for number, stamp in enumerate(stamps)),
        *sorted(live, key=lambda one: one.name.stamp),
    ]
    settled = {one.state for one in entries}

    assert read_up_to(entries, settled=settled, before="") == stamps[2]
    assert read_up_to(entries[1:], settled=settled, before="") == stamps[2]
    assert read_up_to(entries[3:], settled=settled, before="") == ""
    assert read_up_to(entries, settled=settled - {entries[1].state}, before="") == stamps[0]
    assert read_up_to(entries, settled=settled - {entries[0].state}, before=stamps[0]) == stamps[2]
    assert read_up_to(entries, settled=set(), before=LATE) == LATE


def test_after_a_start_the_newest_file_is_to_be_found_again() -> None:
    files = (known(b"a", 1, ended=True), known(b"b", 1, ended=True))

    assert [one.ended for one in expect_last(files)] == [True, False]
    assert expect_last(()) == ()


CONTENT = b"".join(event(number) + b"\n" for number in range(40))


def test_a_file_is_known_again_under_another_inode_and_longer_than_it_was() -> None:
    before = known(CONTENT[:5000], 5000)

    assert found(CONTENT, before) == before


def test_a_file_is_known_by_a_head_that_was_short_then() -> None:
    before = known(CONTENT[:100], 100)

    assert found(CONTENT, before) == before


def test_a_shorter_file_or_one_with_other_bytes_before_the_offset_is_another() -> None:
    before = known(CONTENT[:5000], 5000)

    assert found(CONTENT[:4999], before) is None
    assert found(CONTENT[:4000] + b"X" + CONTENT[4001:], before) is None
    assert found(b"X" + CONTENT, before) is None


def test_a_file_of_which_nothing_was_seen_is_none_in_particular() -> None:
    assert found(CONTENT, known(b"", 0)) is None
    assert not has_head(known(b"", 0), b"")


def test_of_several_that_fit_the_same_inode_wins_then_the_one_read_furthest() -> None:
    near, far, same = known(CONTENT, 1000), known(CONTENT, 9000), known(CONTENT, 2000, inode=9)

    assert found(CONTENT, near, far) == far
    assert found(CONTENT, near, far, same) == same


def test_a_compressed_copy_of_what_was_read_to_the_end_is_told_by_name_head_and_size() -> None:
    done = known(CONTENT, len(CONTENT), text=f"audit-{EARLY}.log", ended=True)
    head, text = CONTENT[:1024], f"audit-{EARLY}.log.gz"

    assert is_finished_copy(done, name=text, head=head, size=len(CONTENT))
    assert not is_finished_copy(done, name=text, head=head, size=len(CONTENT) + 1)
    assert not is_finished_copy(done, name=f"audit-{LATE}.log.gz", head=head, size=len(CONTENT))
    assert not is_finished_copy(done, name=text, head=b"X" + head[1:], size=len(CONTENT))
    running = known(CONTENT, len(CONTENT), text=f"audit-{EARLY}.log")
    assert not is_finished_copy(running, name=text, head=head, size=len(CONTENT))


def test_heads_of_different_length_may_begin_alike() -> None:
    assert begin_alike(b"abc", b"ab")
    assert not begin_alike(b"abc", b"ax")
    assert not begin_alike(b"", b"abc")


def test_the_time_of_an_event_is_the_last_of_its_stage_times() -> None:
    inside = event(0, second=5).replace(
        b'"user":', b'"requestObject":{"stageTimestamp":"2020-01-01T00:00:00Z"},"user":'
    )

    assert written_at(inside) == pytest.approx(1_767_225_605.000001)
    assert written_at(b'{"a":1}') is None
    assert written_at(b'"stageTimestamp":"yesterday"') is None
    assert written_at(b'"stageTimestamp":"') is None
