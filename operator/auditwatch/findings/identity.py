"""Names of incidents: why the same activity, seen by two replicas or after a crash, is the same object.

A name is computed and never looked up, so creating is idempotent: whoever comes second is told 409 and patches.
Nothing that may be learnt later (who acted, how severe it was) is part of it. The parts are hashed with their
lengths before them, so no two lists of parts read alike, whatever an intruder writes into a name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

HASH_LENGTH: Final = 16
"""Hex digits of a 64-bit hash: 5,000 findings collide with a probability of 7e-13."""

RULE_LENGTH: Final = 46
"""Characters of the rule kept in a name, so that name and hash fit a DNS label (RFC 1123: 63)."""

REMEMBERED: Final = 16
"""Fingerprints: that of one signal is asked for several times, and signals of one incident follow each other."""
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_NOT_DNS: Final = re.compile(r"[^a-z0-9]+")

Group = tuple[tuple[str, str], ...]
"""(field, value) of a rule's groupBy, in its order."""


def digest(*parts: str) -> str:
    """64 bits of sha256 as 16 hex digits, over the parts, each preceded by its length in bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    hashed = hashlib.sha256(b"".join([b"%d:%b" % (len(part), part) for part in encoded]))
    return hashed.hexdigest()[:HASH_LENGTH]


def fingerprint(*, cluster: str, watch: str, rule: str, group: Group) -> str:
    """What stays the same over all incidents of one kind: 16 hex digits."""
    return _fingerprint(cluster, watch, rule, group)


@lru_cache(REMEMBERED)
def _fingerprint(cluster: str, watch: str, rule: str, group: Group) -> str:
    return digest(cluster, watch, rule, *_flat(group))


def incident_name(*, cluster: str, watch: str, rule: str, group: Group, start: float) -> str:
    """Object name of one incident: ``<rule, at most 46 characters>-<16 hex digits>``.

    ``start`` is the event time (seconds since the epoch) of the row that opened it; microseconds count. The result is
    a DNS label and a label value whatever the parts hold.
    """
    hashed = digest(cluster, watch, rule, *_flat(group), str(round(start * 1_000_000)))
    return f"{slug(rule)}-{hashed}"


def slug(rule: str) -> str:
    """The rule's name as the head of a DNS label: lower case, at most 46 characters, never empty."""
    return _NOT_DNS.sub("-", rule.lower())[: RULE_LENGTH + 1].strip("-")[:RULE_LENGTH].strip("-") or "finding"


def label_value(text: str) -> str:
    """``text`` where Kubernetes takes it as a label value, else its 64-bit hash; cutting would make two alike."""
    return text if _LABEL_VALUE.fullmatch(text) else digest(text)


def watch_label(watch: str) -> str:
    """Label value of ``namespace/name``: with a dot, which no namespace contains, else hashed."""
    return label_value(watch.replace("/", ".", 1))


def _flat(group: Group) -> Sequence[str]:
    return [part for pair in group for part in pair]
