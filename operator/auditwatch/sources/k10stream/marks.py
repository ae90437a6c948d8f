"""What a restart has to know, as marks in the journal: per pod how far its log is read, per K10 what its lines are.

A position moves only in the transaction that records what was read up to there.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.journal.journal import Journal
from auditwatch.sources.k10stream.envelope import Envelope


class Position(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the log of one pod's container is read."""

    pod: str
    uid: str
    restarts: int = 0
    """Which life of the container: what the kubelet calls ``restartCount``."""
    time: float
    """Of the last line read, seconds since the epoch."""
    revision: int = 0
    """The envelope it was read with."""
    is_read_out: bool = False
    """That life is over, and read to its end."""


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one K10's stream as a whole."""

    began: float
    """When it was first followed: what was written before is not read."""
    envelope: Envelope | None = None
    revision: int = 0
    """Number of the envelope: rises with every change."""
    changes: tuple[float, ...] = ()
    """Of the last changes, since when lines have to be read anew: they are understood now."""
    proof: float | None = None
    """Last proof of life, seconds since the epoch: up to here every line was understood."""


_POSITIONS: Final = msgspec.json.Decoder(Position)
_STANDINGS: Final = msgspec.json.Decoder(Standing)
_ENCODER: Final = msgspec.json.Encoder()


def read_positions(journal: Journal, namespace: str) -> dict[str, Position]:
    """Every position in the K10 of a namespace, by the pod's uid."""
    found = journal.marks(_position(namespace, ""))
    return {position.uid: position for position in map(_POSITIONS.decode, found.values())}


def write_position(journal: Journal, namespace: str, position: Position) -> None:
    """Set a pod's position."""
    journal.set_mark(_position(namespace, position.uid), _ENCODER.encode(position))


def drop_position(journal: Journal, namespace: str, uid: str) -> None:
    """Forget a pod that is gone."""
    journal.drop_mark(_position(namespace, uid))


def read_standing(journal: Journal, namespace: str) -> Standing | None:
    """What is known of the K10 of a namespace; ``None`` where it was never followed."""
    value = journal.mark(_standing(namespace))
    return _STANDINGS.decode(value) if value else None


def write_standing(journal: Journal, namespace: str, standing: Standing) -> None:
    """Set what is known of the K10 of a namespace."""
    journal.set_mark(_standing(namespace), _ENCODER.encode(standing))


def _position(namespace: str, uid: str) -> str:
    return f"k10stream/{namespace}/position/{uid}"


def _standing(namespace: str) -> str:
    return f"k10stream/{namespace}/standing"
