"""The pack that ships, held against what a real API server logged: an ordinary day is quiet, each attack is told.

The log is of level Metadata, the least there is: what needs bodies is found by watched state, and elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from auditwatch.detection.audited import Circumstances
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.needles import needles_of
from auditwatch.detection.signal import Signal
from auditwatch.detection.trust import AnyPod
from auditwatch.events.decode import decode
from auditwatch.events.prefilter import Prefilter
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.k10.view import InstalledK10
from auditwatch.scan.rules import Asked, rules_of
from auditwatch.scan.settling import Settling
from tests.integration.intruding import VAULT, Deed, Session, live_through, tidy_up
from tests.k10.standin import K10StandIn


@dataclass(frozen=True, slots=True)
class Told:
    """What the pack said of each deed."""

    signals: dict[str, list[Signal]]

    def findings(self, deed: str) -> dict[str, str]:
        """Severity by rule, of what makes findings."""
        return {signal.rule: signal.severity for signal in self.signals[deed] if signal.emits_finding}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    (rule_set,) = rules_of(Asked(packs=("k10-baseline",)), k10=InstalledK10(), now=0.0).rule_sets
    return rule_set


@pytest.fixture(scope="module")
def session(k10: K10StandIn) -> Iterator[Session]:
    """A day and a night, done once."""
    done = Session(k10)
    try:
        live_through(done)
        yield done
    finally:
        tidy_up(done)


@pytest.fixture(scope="module")
def told(session: Session, rules: RuleSet) -> Told:
    """The log from the beginning of the session, read in its order."""
    signals = _signals(list(_lines(session)), rules)
    return Told({deed.name: _of(signals, deed) for deed in session.deeds})


Line = tuple[int, bytes]


def _lines(session: Session) -> Iterator[Line]:
    first, last = session.deeds[0].start, session.deeds[-1].end
    with session.k10.cluster.audit_log.open("rb") as log:
        log.seek(first)
        offset = first
        while offset < last:
            line = log.readline()
            yield offset, line
            offset += len(line)


def _signals(lines: Sequence[Line], rules: RuleSet) -> list[tuple[int, Signal]]:
    detector, redactor = Detector(), Redactor(b"a key")
    detector.install(rules, in_force_from={})
    settling = Settling(Circumstances(k10=InstalledK10(), pods=AnyPod()))
    found: list[tuple[int, Signal]] = []
    for number, (offset, line) in enumerate(lines, start=1):
        record = record_of(decode(line), cluster="c", source="log", received=0.0, redactor=redactor)
        row = settling.settle(record, ("log", number, 0))
        found += [(offset, signal) for signal in (detector.observe(number, row) if row else [])]
    return found


def _of(signals: Sequence[tuple[int, Signal]], deed: Deed) -> list[Signal]:
    return [signal for offset, signal in signals if deed.start <= offset < deed.end]


RETIRED = {"restore-point-content-deleted": "Low"}
"""What retention does every day: one quiet finding per policy."""
REFUSED = {"k10-destruction-refused": "Medium", "k10-probed": "Medium"}
PASSPHRASE = {"k10-key-secret-read": "High", "k10-key-secret-changed": "Critical"}
MANY = {"action-cancelled": "Low", "actions-cancelled-many": "High"}
UNSEEN = {"k10-change-unseen": "Low"}
EXPECTED: dict[str, dict[str, str]] = {
    "a refused passkey": {},
    "a refused secret": {},
    "a refused token": {},
    "a refused list": {},
    "a refused deletion": REFUSED,
    "nobody 3": {},
    "nobody 4": {},
    "nobody 5": {"k10-probed": "Medium"},
    "passkey read": {"passkey-read": "Medium"},
    "passkey created": {"passkey-created": "High"},
    "passkey deleted by what calls itself a dry run": {"passkey-deleted": "High"},
    "passphrase read": {"k10-key-secret-read": "High"},
    "passphrase changed": PASSPHRASE,
    "credentials read": {"k10-secret-read": "High"},
    "secrets listed": {"k10-secrets-listed": "High"},
    "secrets of the cluster listed": {"secrets-listed-everywhere": "Medium"},
    "secret planted": {"k10-secret-changed": "Medium"},
    "retired": {"retire-action-by-hand": "High"},
    "cancelled 0": {"action-cancelled": "Low"},
    "cancelled 2": MANY,
    "restored": {"restore-started": "Medium"},
    "restored in a batch": {"batch-restore-started": "High"},
    "cluster restored": {"cluster-resources-restored": "High"},
    "imported": {"import-by-hand": "High"},
    "exported": {"export-started": "Medium"},
    "files opened": {"file-recovery-started": "Medium"},
    "blueprint run": {"actionset-created": "High"},
    "data bound": {"restore-point-made-by-hand": "High"},
    "content deleted": {"restore-point-content-deleted": "Critical"},
    "points deleted": {"restore-point-deleted-by-hand": "High"},
    "pod entered": {"k10-pod-entered": "High"},
    "pod attached": {"k10-pod-entered": "High"},
    "pod debugged": {"k10-pod-debugged": "High"},
    "port forwarded": {"k10-pod-connected": "High"},
    "service reached": {"k10-pod-connected": "High"},
    "pod started": {"k10-foreign-pod-created": "Medium"},
    "token minted": {"k10-token-minted": "Critical"},
    "stolen token used": {"k10-token-outside-k10": "Critical"},
    "stolen token used for somebody": {"k10-token-outside-k10": "Critical"},
    "acted as K10": {"k10-account-impersonated": "Critical"},
    "acted as somebody else": {"impersonation-at-k10": "Medium"},
    "dashboard of nobody": {"dashboard-without-a-person": "Medium", **UNSEEN},
    "dashboard of jane": UNSEEN,
    "event planted": {},
    "events deleted": {"k10-events-deleted": "Medium"},
    "guard set up": {},
    "guard removed": {"k10-network-guard-removed": "Medium"},
    "policy paused": UNSEEN,
    "policy deleted": {"policy-deleted": "High"},
}
BACKGROUND = (
    "an administrator sets a policy up",
    "K10 backs up",
    "an operator looks around",
    "an operator lists contents",
    "an administrator looks at K10",
    "an administrator describes a policy",
    "an administrator asks for rights",
    "an administrator restarts a part",
    "a namespace comes",
    "a namespace goes",
    "Helm looks for its release",
)


@pytest.mark.parametrize("deed", BACKGROUND)
def test_an_ordinary_day_makes_no_finding(told: Told, deed: str) -> None:
    assert told.findings(deed) == {}


def test_retention_makes_one_quiet_finding_and_it_is_k10_that_is_named(told: Told) -> None:
    assert told.findings("K10 retires by retention") == RETIRED
    actors = {signal.activity.actor.kind for signal in told.signals["K10 retires by retention"] if signal.activity}
    assert actors == {"K10"}


@pytest.mark.parametrize(("deed", "findings"), EXPECTED.items(), ids=EXPECTED)
def test_an_attack_is_told_as_what_it_is_and_as_nothing_else(told: Told, deed: str, findings: dict[str, str]) -> None:
    assert told.findings(deed) == findings


def test_what_an_intruder_does_names_them_and_whom_they_pretended_to_be(told: Told) -> None:
    titles = {deed: {signal.rule: signal.title for signal in signals} for deed, signals in told.signals.items()}
    assert titles["passkey read"]["passkey-read"] == "mallory@example.com read K10's passkey k10MasterKey"
    assert titles["acted as K10"]["k10-account-impersonated"] == "mallory@example.com acted as K10's own account"
    assert titles["policy deleted"]["policy-deleted"] == "Policy kasten-io/vaulted was deleted by mallory@example.com"
    assert titles["points deleted"]["restore-point-deleted-by-hand"].endswith(f" {VAULT}/*")
    assert titles["dashboard of jane"]["k10-change-unseen"].startswith("jane@example.com wrote K10's policies")
    assert "from 127.0.0.1 (kubectl/" in titles["stolen token used"]["k10-token-outside-k10"]


def test_a_session_and_what_ran_in_it_are_one(told: Told) -> None:
    (entered,) = told.signals["pod entered"]
    assert entered.description.endswith("Command: id.")


def test_a_minted_token_is_told_by_the_name_its_uses_have(told: Told) -> None:
    (minted,) = told.signals["token minted"]
    assert " JTI=" in minted.description


def test_needles_select_every_line_of_which_something_is_said(session: Session, rules: RuleSet, told: Told) -> None:
    prefilter = Prefilter(needles_of([rules]))
    selected = [line for line in _lines(session) if prefilter.selects(line[1])]
    signals = _signals(selected, rules)
    read = {deed.name: _of(signals, deed) for deed in session.deeds}
    assert {deed: [signal.title for signal in signals] for deed, signals in read.items()} == {
        deed: [signal.title for signal in signals] for deed, signals in told.signals.items()
    }
    assert len(selected) < len(list(_lines(session)))
