"""The bundle of ``--capture``: what the page of assumptions wants to know of a real K10, made to be reviewed first.

Never a Secret, never a body of an event: what is written is listed in ``CONTENTS.txt``, and what was left out, why.
The key that hides values lives as long as this process: nobody can try candidates, and equal values stay equal. Pure.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from auditwatch import __version__
from auditwatch.detection.texts import counted
from auditwatch.doctor.facts import Facts, JSONObject, Unread
from auditwatch.doctor.k10versions import stream_is_on, version_of
from auditwatch.doctor.lines import Line, as_json
from auditwatch.doctor.platforms import name_of
from auditwatch.doctor.streamlines import redacted_line, user_agents
from auditwatch.events.redaction import Redactor

SAMPLES: Final = 20
_CONTENTS: Final = "CONTENTS.txt"
_HEAD: Final = """\
Made by auditwatch {version} doctor --capture. Look through it before you give it away.
Nothing in it is a Secret or the body of a request. Texts that may be credentials, people's names and addresses are
replaced by hmac-sha256:… under a key that was thrown away.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What is asked for a bundle only. ``discovery``: answers of K10's groups by path; ``metrics``: the operator's."""

    discovery: Mapping[str, JSONObject | Unread]
    metrics: str | Unread


def files(facts: Facts, captured: Captured, lines: Sequence[Line], redactor: Redactor) -> dict[str, bytes]:
    """Path in the archive → content; the table of contents first."""
    out: list[str] = []
    found = {
        "versions.json": _pretty(_versions(facts)),
        "doctor.json": _pretty(redactor.redact("", "", as_json(lines))),
        "discovery.json": _pretty({path: _or_why(path, each, out) for path, each in captured.discovery.items()}),
        "auditwatches.json": _pretty(redactor.redact("", "", {"items": list(_watches(facts, out))})),
        "user-agents.json": _pretty(user_agents(_events(facts))),
        "k10-stream.txt": b"".join(_samples(facts, redactor, out)),
        "metrics.txt": _metrics(captured, out),
    }
    kept = {path: content for path, content in found.items() if content}
    return {_CONTENTS: _contents(kept, out).encode(), **kept}


def archive(contents: Mapping[str, bytes], *, now: float) -> bytes:
    """The files as .tar.gz. ``now``: their time, seconds since the epoch."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path, content in contents.items():
            info = tarfile.TarInfo(f"auditwatch-capture/{path}")
            info.size, info.mtime, info.mode = len(content), int(now), 0o600
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), mtime=int(now))


def _contents(kept: Mapping[str, bytes], out: Sequence[str]) -> str:
    inside = "".join(f"  {path}  {len(content)} bytes\n" for path, content in kept.items())
    left = "".join(f"  {each}\n" for each in out) or "  nothing\n"
    return f"{_HEAD.format(version=__version__)}\nInside:\n{inside}\nLeft out:\n{left}"


def _versions(facts: Facts) -> dict[str, Any]:
    version = "" if isinstance(facts.server, Unread) else facts.server.version
    k10s = () if isinstance(facts.k10s, Unread) else facts.k10s
    return {
        "auditwatch": __version__,
        "kubernetes": version,
        "platform": name_of(facts.platform, version=version),
        "k10s": [
            {
                "apiDomain": each.instance.api_domain,
                "version": version_of(each)[0] or None,
                "readFrom": version_of(each)[1] or None,
                "startedWithAuditFlags": stream_is_on(each),
            }
            for each in k10s
        ],
    }


def _watches(facts: Facts, out: list[str]) -> Iterator[JSONObject]:
    if isinstance(facts.watches, Unread):
        out.append(f"AuditWatches: {facts.watches.reason}")
        return
    for watch in facts.watches:
        yield {"status": watch.get("status") or {}}


def _events(facts: Facts) -> list[bytes]:
    k10s = () if isinstance(facts.k10s, Unread) else facts.k10s
    return [line for each in k10s if not isinstance(each.stream, Unread) for line in each.stream.events]


def _samples(facts: Facts, redactor: Redactor, out: list[str]) -> Iterator[bytes]:
    k10s = () if isinstance(facts.k10s, Unread) else facts.k10s
    out += [f"K10's audit stream: {each.stream.reason}" for each in k10s if isinstance(each.stream, Unread)]
    lines = _events(facts)
    if len(lines) > SAMPLES:
        out.append(f"K10's audit stream: {len(lines) - SAMPLES} of {len(lines)} lines, older than those inside")
    unreadable = 0
    for line in lines[-SAMPLES:]:
        redacted = redacted_line(redactor, line)
        unreadable += redacted is None
        yield b"" if redacted is None else redacted + b"\n"
    if unreadable:
        out.append(f"K10's audit stream: {counted(unreadable, 'line')} that could not be redacted, for want of JSON")


def _or_why(path: str, answer: JSONObject | Unread, out: list[str]) -> JSONObject | None:
    if isinstance(answer, Unread):
        out.append(f"{path}: {answer.reason}")
        return None
    return answer


def _metrics(captured: Captured, out: list[str]) -> bytes:
    if isinstance(captured.metrics, Unread):
        out.append(f"the operator's metrics: {captured.metrics.reason}")
        return b""
    return captured.metrics.encode()


def _pretty(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
