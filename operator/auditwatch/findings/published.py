"""What the API server holds of a finding, as far as we know it: what was written, and what people made of it.

Two memories meet here. The journal keeps, per finding, up to which revision it was written and what triage had seen;
the object keeps the rest. Both may be behind, never ahead: what is written again is written the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from auditwatch.api.finding import Label
from auditwatch.detection.signal import Severity
from auditwatch.findings.lifecycle import (
    Lifecycle,
    Triage,
    Watermark,
    read_lifecycle,
    read_triage,
    read_watermark,
    review,
)
from auditwatch.findings.reading import Reader


class Published(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The journal's row, by key of the finding."""

    revision: int = 0
    """Log sequence up to which the object was written; a finding of an earlier journal begins at 0."""
    through: int | None = None
    """Log sequence up to which triage had seen the incident; ``None`` where nobody has triaged."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The few fields of an encoded :class:`FindingState` that scheduling needs; the rest is not decoded."""

    journal_id: str
    watch: str
    revision: int = 0
    novel: int = 0
    severity: Severity
    shown: bool = True
    count: int = 0
    superseded: int = 0
    superseded_by: str = ""

    @property
    def is_superseded(self) -> bool:
        """Whether another finding tells all of it."""
        return bool(self.superseded_by) and self.superseded >= self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An object as it was last answered to us."""

    uid: str
    severity_label: str
    triage: Triage
    lifecycle: Lifecycle
    seen: Watermark
    """The status that was there at the last generation before people's last write, or is there now."""
    written: str = ""
    """Digest (:func:`digest_of`) of what our last write was answered with; empty before the first of this life."""
    doubted: str = ""
    """Digest of what was there instead when it was last looked at; empty where it was ours."""


_HEAD: Final = msgspec.msgpack.Decoder(Head)
_PUBLISHED: Final = msgspec.msgpack.Decoder(Published)


def head(row: bytes) -> Head:
    """What scheduling needs of an encoded state. Raises :class:`msgspec.DecodeError`."""
    return _HEAD.decode(row)


def encode_published(published: Published) -> bytes:
    """The journal's row."""
    return msgspec.msgpack.encode(published)


def decode_published(row: bytes) -> Published:
    """The value of a row. Raises :class:`msgspec.DecodeError`."""
    return _PUBLISHED.decode(row)


def first_sight(finding: Mapping[str, Any], *, through: int | None) -> Known:
    """What is known of an object when it is read for the first time; ``through`` comes from the journal.

    Where the journal has forgotten what triage saw, it is taken to have seen what the object shows now.
    """
    seen = read_watermark(finding)
    mark = seen if through is None else Watermark(seen.journal_id, through)
    return Known(
        uid=_uid(finding),
        severity_label=_label(finding),
        triage=read_triage(finding),
        lifecycle=read_lifecycle(finding, through=mark),
        seen=seen,
    )


def seen_again(known: Known, finding: Mapping[str, Any]) -> Known:
    """What is known after a further answer.

    Until people's write is honoured, what they had before their eyes stays what it was: a status written after it
    is not covered by it.
    """
    if _uid(finding) != known.uid:
        return first_sight(finding, through=None)
    triage = read_triage(finding)
    honoured = triage.generation == known.lifecycle.observed_generation
    return replace(
        known,
        severity_label=_label(finding),
        triage=triage,
        seen=read_watermark(finding) if honoured else known.seen,
    )


def reviewed(known: Known, *, novel: Watermark, now: float) -> Lifecycle:
    """The lifecycle the object should show."""
    return review(known.lifecycle, triage=known.triage, novel=novel, seen=known.seen, now=now)


def digest_of(finding: Mapping[str, Any]) -> str:
    """Sha256, hex, of what is ours to say: the status, and the severity among the labels."""
    ours = [finding.get("status"), _label(finding)]
    return hashlib.sha256(msgspec.json.encode(ours, order="deterministic")).hexdigest()


def _uid(finding: Mapping[str, Any]) -> str:
    return Reader(finding).child("metadata").text("uid")


def _label(finding: Mapping[str, Any]) -> str:
    return Reader(finding).child("metadata").child("labels").text(Label.SEVERITY.value)
