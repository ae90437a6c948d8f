"""What an intruder with stolen rights does to K10 before the ransom note: in plain kubectl, one command a step."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import KubectlError
from tests.cluster.identities import INTRUDER, token_user
from tests.k10.workloads import ACCOUNT, NAMESPACE

K10_ACCOUNT: Final = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
POLICIES, PROFILES, CONTENTS, PASSKEYS = (
    "policies.config.kio.kasten.io",
    "profiles.config.kio.kasten.io",
    "restorepointcontents.apps.kio.kasten.io",
    "passkeys.vault.kio.kasten.io",
)
TOKEN_SHOWN = 24
"""Characters of a stolen token that are printed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what must come of it.

    ``rule`` must notice it and name ``actor``, and ``impersonator`` as who was behind that name. ``audit``: only the
    audit log tells of it; ``relayed``: or K10's own record of requests. ``as_k10``: with the token that another step
    (``token``) had made. ``breaks``: it need not succeed.
    """

    what: str
    kubectl: tuple[str, ...]
    rule: str
    actor: str = INTRUDER.user
    impersonator: str = ""
    audit: bool = False
    relayed: bool = False
    as_k10: bool = False
    token: bool = False
    breaks: bool = False

    @property
    def shown(self) -> str:
        """The command as the intruder types it."""
        stolen = ("--kubeconfig", "stolen") if self.as_k10 else ()
        return f"kubectl {shlex.join((*stolen, *self.kubectl))}"


@dataclass(frozen=True, slots=True)
class Prey:
    """Names of the objects that are there."""

    policy: str
    profile: str
    contents: tuple[str, ...]


def session(prey: Prey) -> tuple[Step, ...]:
    """The whole session: look around, take K10's identity, then break what recovery needs."""
    return (*_keys(), *_identity(), *_damage(prey))


def _keys() -> tuple[Step, ...]:
    secret = ("get", "secret", "k10-dr-secret", "-n", NAMESPACE)
    passkey = ("get", PASSKEYS, "k10MasterKey")
    return (
        Step("read the passkey that wraps every key", passkey, "passkey-read", relayed=True),
        Step("read the passphrase of disaster recovery", secret, "k10-key-secret-read", audit=True),
    )


def _identity() -> tuple[Step, ...]:
    enter = ("exec", "deployment/catalog-svc", "-n", NAMESPACE, "--", "cat", "/mnt/k10state/catalog")
    mint = ("create", "token", ACCOUNT, "-n", NAMESPACE, "--duration=1h")
    return (
        Step("open a session in the pod of the catalog", enter, "k10-pod-entered", audit=True, breaks=True),
        Step("have a token made for K10's own account", mint, "k10-token-minted", audit=True, token=True),
        Step(
            "use it: an administrator of the cluster, under K10's name",
            ("get", "secrets", "-n", "shop"),
            "k10-token-outside-k10",
            actor=K10_ACCOUNT,
            audit=True,
            as_k10=True,
        ),
        Step(
            "the same without a token: impersonate K10's account",
            ("get", POLICIES, "-n", NAMESPACE, "--as", K10_ACCOUNT),
            "k10-account-impersonated",
            actor=K10_ACCOUNT,
            impersonator=INTRUDER.user,
            audit=True,
        ),
    )


def _damage(prey: Prey) -> tuple[Step, ...]:
    pause: Final = {"spec": {"paused": True}}
    cut: Final = [{"op": "replace", "path": "/spec/retention/daily", "value": 1}]
    unlock: Final = [{"op": "remove", "path": "/spec/locationSpec/objectStore/protectionPeriod"}]
    policy = ("patch", POLICIES, prey.policy, "-n", NAMESPACE)
    profile = ("patch", PROFILES, prey.profile, "-n", NAMESPACE)
    zero = ("scale", "deployment/catalog-svc", "-n", NAMESPACE, "--replicas=0")
    delete = ("delete", CONTENTS, *prey.contents)
    return (
        Step("pause the backup policy", (*policy, "--type=merge", "-p", json.dumps(pause)), "policy-paused"),
        Step(
            "keep one daily backup instead of seven", (*policy, "--type=json", "-p", json.dumps(cut)), "retention-cut"
        ),
        Step(
            "drop the immutability of the off-site copies",
            (*profile, "--type=json", "-p", json.dumps(unlock)),
            "immutability-cut",
        ),
        Step("delete restore points for good", delete, "restore-point-contents-deleted-many"),
        Step("switch K10's catalog off", zero, "k10-scaled-to-zero"),
    )


class Intruder:
    """Runs steps one after the other; what one stole is there for the next."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster
        self._token = ""

    def run(self, step: Step) -> str:
        """What kubectl prints, or its complaint where the step may break.

        Raises :class:`KubectlError` where it must not.
        """
        stolen = self._stolen() if step.as_k10 else None
        try:
            printed = self._cluster.kubectl(*step.kubectl, identity=INTRUDER, kubeconfig=stolen)
        except KubectlError as refusal:
            if not step.breaks:
                raise
            return refusal.stderr
        if not step.token:
            return printed
        self._token = printed.strip()
        return f"{self._token[:TOKEN_SHOWN]}…"

    def _stolen(self) -> Path:
        return self._cluster.credentials.kubeconfig_with(
            name="stolen", user=token_user(self._token), namespace=NAMESPACE
        )
