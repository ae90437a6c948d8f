"""Spreads the reading of logs over processes and hands back what they found in the order of the logs.

A range of a plain file is one piece of work, a compressed file is another. What a process has found of a compressed
file is bounded; the rest of one that is full of findings is read here, so that memory stays flat.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.context import BaseContext
from typing import Final

import msgspec

from auditwatch.events.needles import Needles
from auditwatch.scan.inflating import ReadError
from auditwatch.scan.inputs import Input, InputError
from auditwatch.scan.reading import plain, streamed
from auditwatch.scan.selecting import Part, Sieve

PIECE_BYTES: Final = 32 << 20
"""Bytes of a plain file that are read as one piece of work."""
_PIECES_ALONE: Final = 4
"""That many at once where one process reads: what is found in a piece is settled together, with warm caches."""
MIN_BYTES: Final = 512 << 20
"""Less than this in all is read without further processes: starting them takes longer (measured with two cores)."""
_INFLATION: Final = 10
"""Times a compressed audit log is about as long as its file."""
MAX_HELD_BYTES: Final = 16 << 20
"""Encoded parts a process may hand back at once."""

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Part)


@dataclass(frozen=True, slots=True)
class Piece:
    """What is read in one go: in a plain file the lines that begin in ``[start, end)``, else all from ``start``."""

    of: Input
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every process is told once."""

    needles: Needles
    key: bytes
    received: float

    def sieve(self) -> Sieve:
        """The same in use."""
        return Sieve.of(self.needles, key=self.key, received=self.received)


@dataclass(frozen=True, slots=True)
class Read:
    """A part, the input it is of, whether it is its last one, and why reading ended early, if it did."""

    of: Input
    part: Part
    is_last: bool = False
    problem: str = ""


class _Answer(msgspec.Struct, array_like=True):
    """What a process hands back. ``resume``: uncompressed bytes read, where it stopped because it had found enough."""

    parts: list[msgspec.Raw]
    problem: str = ""
    resume: int = -1


_answers: Final = msgspec.json.Decoder(_Answer)


def pieces_of(each: Input, most: int) -> Iterator[Piece]:
    """The pieces of one input, in order, of ``most`` bytes; at least one."""
    if each.form != "Plain" or each.size <= most:
        yield Piece(each, 0, each.size)
        return
    for start in range(0, each.size, most):
        yield Piece(each, start, min(start + most, each.size))


def is_long(inputs: Sequence[Input]) -> bool:
    """Whether reading takes longer than starting processes for it."""
    return sum(each.size * (_INFLATION if each.form == "Gzip" else 1) for each in inputs) >= MIN_BYTES


def read_all(inputs: Sequence[Input], task: Task, *, jobs: int) -> Iterator[Read]:
    """Everything that was found, in the order of the logs, the same for any number of jobs.

    Raises :class:`InputError` where a file cannot be opened any more, or a process was killed.
    """
    if jobs <= 1 or not is_long(inputs):
        sieve = task.sieve()
        for each in inputs:
            for piece in pieces_of(each, _PIECES_ALONE * PIECE_BYTES):
                yield from _here(piece, sieve)
    else:
        yield from _spread(inputs, task, jobs)


def _here(piece: Piece, sieve: Sieve) -> Iterator[Read]:
    problem = ""
    try:
        for part in _parts(piece, sieve):
            yield Read(piece.of, part)
    except ReadError as error:
        problem = str(error)
    except OSError as error:
        raise InputError(f"{piece.of.name}: cannot be read: {error.strerror or error}") from error
    yield Read(piece.of, Part(), is_last=_is_last(piece), problem=problem)


def _is_last(piece: Piece) -> bool:
    return piece.of.form != "Plain" or piece.end >= piece.of.size


def _parts(piece: Piece, sieve: Sieve) -> Iterator[Part]:
    name = piece.of.name
    opened = plain(name, piece.start, piece.end) if piece.of.form == "Plain" else streamed(name, piece.start)
    with opened as windows:
        yield from sieve.parts(windows, is_beginning=piece.start == 0)


def _spread(inputs: Sequence[Input], task: Task, jobs: int) -> Iterator[Read]:
    here = task.sieve()
    waiting: deque[tuple[Piece, Future[bytes] | None]] = deque()
    with ProcessPoolExecutor(jobs, _context(), _begin, (task,)) as pool:
        try:
            for piece in (piece for each in inputs for piece in pieces_of(each, PIECE_BYTES)):
                waiting.append((piece, None if piece.of.form == "Stream" else pool.submit(_work, piece)))
                if len(waiting) > jobs:
                    yield from _taken(*waiting.popleft(), here)
            while waiting:
                yield from _taken(*waiting.popleft(), here)
        except BrokenProcessPool as error:
            raise InputError("a reading process was killed, probably for want of memory: use fewer --jobs") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _taken(piece: Piece, future: Future[bytes] | None, here: Sieve) -> Iterator[Read]:
    """What a process found of a piece, and the rest of it, read here."""
    if future is None:
        yield from _here(piece, here)
        return
    answer = _answers.decode(future.result())
    for raw in answer.parts:
        yield Read(piece.of, _decoder.decode(raw))
    if answer.resume >= 0:
        yield from _here(replace(piece, start=answer.resume), here)
    else:
        yield Read(piece.of, Part(), is_last=_is_last(piece), problem=answer.problem)


def _context() -> BaseContext:
    """Forked where that is sound, as there is one thread yet; it makes starting free."""
    return multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


_of_process: list[Sieve] = []
"""In a reading process, the one sieve it uses."""


def _begin(task: Task) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us is told, and ends us
    _of_process[:] = [task.sieve()]


def _work(piece: Piece) -> bytes:
    """Read a piece in a process of the pool. Raises :class:`InputError`."""
    answer, held, offset = _Answer([]), 0, piece.start
    try:
        for part in _parts(piece, _of_process[0]):
            raw = _encoder.encode(part)
            answer.parts.append(msgspec.Raw(raw))
            held, offset = held + len(raw), offset + part.size
            if piece.of.form != "Plain" and held > MAX_HELD_BYTES:
                answer.resume = offset
                break
    except ReadError as error:
        answer.problem = str(error)
    except OSError as error:
        raise InputError(f"{piece.of.name}: cannot be read: {error.strerror or error}") from error
    return _encoder.encode(answer)
