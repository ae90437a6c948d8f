"""The agent's end: what is posted, when the position is saved, and what each answer leads to."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditwatch.events.needles import Needle, Needles
from auditwatch.sources.file.checkpoint import Checkpoint
from auditwatch.sources.file.forwarding import ForwardingSink, Patience
from auditwatch.sources.file.framing import Line
from auditwatch.sources.file.gaps import FileGap
from auditwatch.sources.file.position import Position
from auditwatch.sources.file.posting import Answer, Poster
from auditwatch.sources.file.pumping import StoppedError
from auditwatch.sources.file.tail import Batch
from tests.unit.sources.file.listening import Operator, Says, operating
from tests.unit.sources.file.making import event

AT_ONCE = Patience(first=0.0, longest=0.0, refused=0.0, needles=3600.0)
SEVEN = Needles.of([Needle(('/policies/7"',))])
TOLD = {"digest": SEVEN.digest, "readsEverything": False, "needles": [['/policies/7"']]}


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with operating(tmp_path) as running:
        yield running


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Checkpoint]:
    made = Checkpoint(tmp_path / "position")
    yield made
    made.close()


def batch(*numbers: int, seen: float = 1.0, gaps: tuple[FileGap, ...] = ()) -> Batch:
    lines = [Line(1000 * number, event(number)) for number in numbers]
    position = Position(seen=seen)
    return Batch(file="audit.log", records=lines, position_after=position, lag_bytes=0, gaps=list(gaps))


class Sender:
    """A sink, with the time in the test's hand."""

    def __init__(self, operator: Operator, checkpoint: Checkpoint, **files: Path | float) -> None:
        self.now = 0.0
        self.stop = threading.Event()
        self.poster = Poster(operator.endpoint(**files))
        self.checkpoint = checkpoint
        self.sink = self.made()

    def made(self, *, patience: Patience = AT_ONCE, compress: bool = False) -> ForwardingSink:
        return ForwardingSink(
            self.poster,
            self.checkpoint,
            stop=self.stop,
            monotonic=lambda: self.now,
            jitter=lambda: 0.0,
            patience=patience,
            compress=compress,
        )


@pytest.fixture
def sender(operator: Operator, checkpoint: Checkpoint) -> Iterator[Sender]:
    made = Sender(operator, checkpoint)
    yield made
    made.poster.close()


def test_lines_are_posted_as_they_are_and_the_position_saved_behind_them(operator: Operator, sender: Sender) -> None:
    assert sender.sink.take(batch(1, 2, seen=5.0)) is True

    assert [post.path for post in operator.posts] == ["/ingest/v1/audit-log/node-1"]
    assert operator.posts[0].body == event(1) + b"\n" + event(2)
    assert sender.checkpoint.load() == Position(seen=5.0)
    assert "Auditwatch-Needles" not in operator.posts[0].headers, "without needles everything is sent"


@pytest.mark.parametrize("status", [503, 429, 500, 408, 400, 401, 403, 404, 413, 302])
def test_what_is_not_taken_is_sent_again_until_it_is_whatever_the_answer(
    operator: Operator, sender: Sender, status: int
) -> None:
    operator.answers.extend([Says(status, b"not now"), Says(status)])
    sender.sink.take(batch(1, seen=5.0))

    assert [post.body for post in operator.posts] == [event(1)] * 3
    assert sender.checkpoint.load() == Position(seen=5.0)
    assert sender.sink.tally.message == ""


def test_while_nothing_is_taken_the_position_stays_and_the_reason_is_said(operator: Operator, sender: Sender) -> None:
    sender.sink.take(batch(1, seen=5.0))
    operator.answers.extend([Says(403, b"this certificate is of another node")] * 3)
    sender.stop.set()
    with pytest.raises(StoppedError):
        sender.sink.take(batch(2, seen=6.0))

    assert sender.checkpoint.load() == Position(seen=5.0)
    assert "403" in sender.sink.tally.message
    assert "this certificate is of another node" in sender.sink.tally.message


def test_an_operator_that_is_not_there_is_said_and_tried_again(
    tmp_path: Path, operator: Operator, checkpoint: Checkpoint
) -> None:
    endpoint = operator.endpoint()
    operator.server_close()
    poster = Poster(endpoint)
    answer = poster.post(b"x", {})
    poster.close()

    assert answer.kind == "Unreachable"
    assert endpoint.url in answer.message
    assert not list(tmp_path.glob("position"))
    assert checkpoint.load() is None


def test_a_connection_the_other_side_closed_while_idle_is_opened_again_at_once(
    operator: Operator, sender: Sender
) -> None:
    operator.answers.append(Says(closes=True))
    assert sender.poster.post(b"1", {}).kind == "Taken"
    assert sender.poster.post(b"2", {}).kind == "Taken"
    assert sender.poster.post(b"3", {}).kind == "Taken"

    assert [post.body for post in operator.posts] == [b"1", b"2", b"3"]
    assert operator.posts[1].port == operator.posts[2].port, "else connections are kept"


def test_needles_are_asked_for_and_choose_what_is_sent(operator: Operator, sender: Sender) -> None:
    operator.needles = json.dumps(TOLD).encode()
    assert sender.sink.take(batch(1, 2)) is False, "nothing of interest: nothing is sent, the position may wait"
    assert sender.sink.take(batch(6, 7, 8)) is True

    assert operator.lines == [event(7)]
    assert operator.posts[0].headers["Auditwatch-Needles"] == SEVEN.digest
    assert operator.asked[0].path == "/ingest/v1/audit-log/node-1/needles"
    assert sender.sink.tally.read == 5
    assert sender.sink.tally.selected == 1


def test_needles_are_asked_for_again_in_their_time(operator: Operator, checkpoint: Checkpoint) -> None:
    sender = Sender(operator, checkpoint)
    sink = sender.made(patience=Patience(needles=15.0))
    sink.take(batch(1))
    sink.take(batch(2))
    operator.needles = json.dumps(TOLD).encode()
    sender.now = 15.0
    sink.take(batch(3))
    sender.poster.close()

    assert operator.lines == [event(1), event(2)]
    assert len([asked for asked in operator.asked if asked.method == "GET"]) == 2


def test_stale_needles_are_replaced_by_the_answer_to_a_post(operator: Operator, sender: Sender) -> None:
    operator.answers.append(Says(body=json.dumps({"needles": TOLD}).encode()))
    sender.sink.take(batch(1))
    sender.sink.take(batch(2, 7))

    assert operator.lines == [event(1), event(7)]


@pytest.mark.parametrize(
    "body", [b"garbage", b'{"digest": "x", "needles": [[]]}', b'{"digest": "x", "needles": [["a","b","c"]]}']
)
def test_needles_that_make_no_sense_leave_everything_to_be_sent(
    operator: Operator, sender: Sender, body: bytes
) -> None:
    operator.needles = body
    operator.answers.append(Says(body=body))
    sender.sink.take(batch(1))
    sender.sink.take(batch(2))

    assert operator.lines == [event(1), event(2)]


def test_gaps_travel_in_a_header_even_without_lines(operator: Operator, sender: Sender) -> None:
    gap = FileGap(reason="LogTruncated", message="Größe\n" * 200, start=1.0, end=2.0)
    sender.sink.take(batch(gaps=(gap,) * 30))

    told = json.loads(operator.posts[0].headers["Auditwatch-Gaps"])
    assert told[0]["reason"] == "LogTruncated"
    assert (told[0]["start"], told[0]["end"]) == (1.0, 2.0)
    assert sender.sink.tally.gaps == {"LogTruncated": 30}


def test_more_gaps_than_one_post_can_tell_are_all_told_before_the_position_moves(
    operator: Operator, sender: Sender
) -> None:
    operator.answers += [Says(200), Says(503), Says(200)]
    gaps = tuple(FileGap(reason="BackupLost", message="x" * 400, start=float(n), end=n + 0.5) for n in range(40))
    saved: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sender.checkpoint, "save", lambda _position: saved.append(len(operator.posts)))
        sender.sink.take(batch(1, 2, gaps=gaps))

    told = [json.loads(post.headers["Auditwatch-Gaps"]) for post in operator.posts]
    assert {gap["start"] for header in told for gap in header} == set(map(float, range(40)))
    assert all(len(post.headers["Auditwatch-Gaps"]) < 8000 for post in operator.posts)
    assert [post.body.count(b"\n") + 1 for post in operator.posts if post.body] == [2], "lines are posted once"
    assert told[1] == told[2], "the refused one is told again"
    assert saved == [len(operator.posts)]


def test_bodies_may_be_compressed(operator: Operator, sender: Sender) -> None:
    sender.made(compress=True).take(batch(1, 2))

    assert operator.posts[0].headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(operator.posts[0].body) == event(1) + b"\n" + event(2)


def test_a_disk_that_takes_no_position_stops_no_event(
    operator: Operator, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_position: Position) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sender.checkpoint, "save", full)
        sender.sink.take(batch(1))
        assert "No space left" in sender.sink.tally.message
    sender.sink.take(batch(2, seen=9.0))

    assert operator.lines == [event(1), event(2)]
    assert sender.sink.tally.message == ""
    assert sender.checkpoint.load() == Position(seen=9.0)


def test_a_renewed_token_is_used_from_the_next_post_on(
    operator: Operator, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    sender = Sender(operator, checkpoint, token_file=token)
    sender.sink.take(batch(1))
    token.write_text("two\n")
    sender.sink.take(batch(2))
    token.unlink()
    answer = sender.poster.post(b"x", {})
    sender.poster.close()

    assert [post.headers["Authorization"] for post in operator.posts] == ["Bearer one", "Bearer two"]
    assert answer.kind == "Refused"
    assert "projected serviceAccountToken" in answer.message


def test_a_renewed_certificate_is_used_from_the_next_post_on(operator: Operator, checkpoint: Checkpoint) -> None:
    files = operator.client_files("agent-1")
    sender = Sender(operator, checkpoint, **files)
    sender.sink.take(batch(1))
    sender.sink.take(batch(2))
    operator.client_files("agent-2")
    sender.sink.take(batch(3))
    sender.poster.close()

    assert [post.client for post in operator.posts] == ["agent-1", "agent-1", "agent-2"]


def test_a_certificate_that_cannot_be_used_is_named(operator: Operator) -> None:
    files = operator.client_files("agent-1")
    assert isinstance(files["client_key"], Path)
    files["client_key"].write_text("no key")
    poster = Poster(operator.endpoint(**files))
    answer = poster.post(b"x", {})

    assert answer.kind == "Refused"
    assert str(files["client_key"]) in answer.message


def test_a_server_of_another_authority_gets_nothing(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with operating(tmp_path / "other") as other:
        (tmp_path / "ca.crt").write_bytes((tmp_path / "other" / "ca.crt").read_bytes())
        poster = Poster(operator.endpoint())
        answer = poster.post(b"secret", {})

    assert answer.kind == "Unreachable"
    assert operator.posts == other.posts == []


@pytest.mark.parametrize(
    ("answer", "failures", "seconds"),
    [
        (Answer(kind="Later", retry_after=2.0), 9, 2.0),
        (Answer(kind="Later"), 0, 0.25),
        (Answer(kind="Unreachable"), 3, 2.0),
        (Answer(kind="Unreachable"), 100, 15.0),
        (Answer(kind="Refused"), 0, 30.0),
    ],
)
def test_how_long_is_waited_follows_from_the_answer(answer: Answer, failures: int, seconds: float) -> None:
    assert Patience().after(answer, failures, jitter=0.0) == seconds
    assert seconds < Patience().after(answer, failures, jitter=1.0) <= seconds * 2


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("9999", 60.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_retry_after_is_understood_within_reason(
    operator: Operator, sender: Sender, header: str, seconds: float | None
) -> None:
    operator.answers.append(Says(503, headers={"Retry-After": header}))

    assert sender.poster.post(b"x", {}).retry_after == seconds
