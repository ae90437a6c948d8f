"""Who may write AuditWatches cannot switch off what tells of it, on a real engine with a real journal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditwatch.api.ruletests import RuleTest
from auditwatch.detection.detector import Detector
from auditwatch.detection.guards import GUARDS, NAME, guard_key
from auditwatch.detection.packs import built_in_packs
from auditwatch.detection.shared import LABEL
from auditwatch.detection.showing import shown_rows
from auditwatch.findings.identity import watch_label
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.engine import Engine
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.guarding import SINCE
from auditwatch.runtime.needing import NeedlesInForce
from auditwatch.runtime.reconciling import Reconciling
from auditwatch.runtime.registry import Registry
from tests.unit.runtime.engine_parts import real_engine

KEY = guard_key("aw")
Start = Callable[[], EngineThread]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """An engine on the same journal each time, as after a restart."""
    running: list[EngineThread] = []

    def started() -> EngineThread:
        for thread in running:
            thread.stop()
        running.append(real_engine(tmp_path / "journal.db", now=5000.0))
        running[-1].start()
        return running[-1]

    yield started
    running[-1].stop()


def reconciler(engine: EngineThread, registry: Registry, *, at: float = 5000.0, account: str = "") -> Reconciling:
    return Reconciling(
        registry,
        engine,
        operator_namespace="aw",
        tenant_namespaces=["team-*"],
        packs=built_in_packs()[0],
        needles=NeedlesInForce(),
        instances=[K10Instance()],
        clock=lambda: at,
        account=account,
    )


def registry() -> Registry:
    return Registry(changed=lambda: None)


def body(name: str = "k10", *, namespace: str = "aw", created: str = "", **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"uid": f"u-{name}", "namespace": namespace, "name": name, "generation": 1}
    return {"metadata": metadata | ({"creationTimestamp": created} if created else {}), "spec": spec, "status": {}}


def installed(engine: EngineThread, watch: str) -> set[str]:
    def rules(inner: Engine) -> set[str]:
        assert isinstance(inner.detector, Detector)
        known = inner.detector._in_force.get(watch)
        return set(known.rule_set.rules) if known else set()

    return engine.call(rules).result()


def since(engine: EngineThread) -> float:
    def read(inner: Engine) -> float:
        assert isinstance(inner.detector, Detector)
        return inner.detector._in_force[KEY].rule_set.since

    return engine.call(read).result()


@pytest.mark.parametrize(
    "bodies",
    [[], [body(paused=True)], [body(packs=[])], [body(k10Name="other")], [body(namespace="elsewhere")], [body()]],
    ids=["none", "paused", "without packs", "of no K10", "refused", "as it comes"],
)
def test_whatever_audit_watches_there_are_the_guards_are_in_force(start: Start, bodies: list[dict[str, Any]]) -> None:
    engine, known = start(), registry()
    reconciler(engine, known).repair(bodies)

    assert installed(engine, KEY) == GUARDS
    assert known.guard is not None
    assert known.guard.watch == KEY


def test_they_stay_when_the_last_audit_watch_goes(start: Start) -> None:
    engine = start()
    reconciling = reconciler(engine, registry())
    reconciling.repair([body()])
    reconciling.gone("u-k10")
    reconciling.repair([])

    assert installed(engine, KEY) == GUARDS
    assert installed(engine, "aw/k10") == set()


def test_an_audit_watch_of_the_operators_namespace_does_not_tell_the_same_again(start: Start) -> None:
    engine = start()
    reconciler(engine, registry()).repair([body(), body("theirs", namespace="team-a")])

    assert not GUARDS & installed(engine, "aw/k10")
    assert installed(engine, "team-a/theirs") >= GUARDS


ELSEWHERE = "system:serviceaccount:security:monitor"
DELETION: dict[str, Any] = {
    "verb": "delete",
    "user": {"username": ELSEWHERE, "groups": ["system:serviceaccounts", "system:authenticated"]},
    "objectRef": {"resource": "auditwatches", "namespace": "aw", "name": "k10", "apiGroup": "k10auditwatch.io"},
}


TOLD = ["watch-silenced"]


@pytest.mark.parametrize(("account", "told"), [(ELSEWHERE, []), ("", TOLD), ("system:serviceaccount:a:b", TOLD)])
def test_what_the_operator_does_itself_is_its_own_under_whatever_name(
    start: Start, account: str, told: list[str]
) -> None:
    assert findings_of(start, DELETION, account=account) == told


def test_an_account_of_the_usual_name_is_anybodys_where_the_operator_has_another(start: Start) -> None:
    usual = {
        **DELETION,
        "user": {**DELETION["user"], "username": "system:serviceaccount:k10-auditwatch:k10-auditwatch"},
    }

    assert findings_of(start, usual, account=ELSEWHERE) == TOLD


def findings_of(start: Start, event: dict[str, Any], *, account: str) -> list[str]:
    """The rules that tell of the event, where the operator has this username."""
    known = registry()
    reconciler(start(), known, account=account).repair([])
    assert known.guard is not None
    test = RuleTest.model_validate({"name": "t", "event": json.dumps(event), "expect": "Match"})
    detector = Detector()
    detector.install(known.guard, in_force_from={})
    rows = enumerate(shown_rows(known.guard, test), start=1)

    return [signal.rule for number, row in rows for signal in detector.observe(number, row) if signal.emits_finding]


def test_a_pack_of_ones_own_keeps_its_rules_whatever_they_are_called(start: Start) -> None:
    engine = start()
    reconciling = reconciler(engine, registry())
    text = 'name: ours\nversion: "1"\nrules: [{name: watch-loosened, match: {names: [x]}}]\n'
    config_map = {"metadata": {"name": "ours", "labels": {LABEL: "pack"}}, "data": {"rules": text}}
    reconciling.share([config_map], [body(packs=[{"name": "ours", "version": "1"}])])

    assert installed(engine, "aw/k10") == {"watch-loosened"}


def test_no_object_can_be_called_as_they_are() -> None:
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", NAME) is None
    assert watch_label(KEY) == "aw.auditwatch_itself"


def test_whoever_mutes_one_is_told_and_does_not_mute_it(start: Start) -> None:
    engine, known = start(), registry()
    muted = {"name": "k10-baseline", "version": "1", "overrides": [{"rule": "watch-loosened", "mute": True}]}
    reconciler(engine, known).repair([body(packs=[muted])])

    (entry,) = known.entries()
    assert [problem.path for problem in entry.problems] == ["spec.packs[0].overrides[0].rule"]
    assert "watch-loosened" in installed(engine, KEY)


def test_they_hold_from_the_creation_of_the_first_audit_watch_on(start: Start) -> None:
    engine = start()
    old, new = body("old", created="1970-01-01T00:16:40Z"), body("new", created="1970-01-01T00:33:20Z")
    reconciler(engine, registry()).repair([new, old])

    assert since(engine) == 1000.0


def test_without_any_they_hold_from_now_on(start: Start) -> None:
    engine = start()
    reconciler(engine, registry(), at=4000.0).repair([])

    assert since(engine) == 4000.0


def test_a_restart_passes_over_nothing_that_happened_meanwhile(start: Start) -> None:
    engine = start()
    reconciler(engine, registry()).repair([body(created="1970-01-01T00:16:40Z")])
    before = engine.call(lambda inner: dict(inner.journal.marks("inforce/"))).result()
    engine = start()
    reconciler(engine, registry(), at=9000.0).repair([body(created="1970-01-01T02:00:00Z")])

    guards = f"inforce/{KEY}/"
    after = engine.call(lambda inner: dict(inner.journal.marks(guards))).result()
    assert since(engine) == 1000.0
    assert after == {name: value for name, value in before.items() if name.startswith(guards)}


def test_when_k10_moves_they_stay_in_force(start: Start) -> None:
    engine, known = start(), registry()
    reconciling = reconciler(engine, known)
    reconciling.repair([])
    reconciling.use_instances([K10Instance(namespace="backup", api_domain="kio.backup")], [])

    assert installed(engine, KEY) == GUARDS
    assert known.guard is not None
    assert known.guard.k10.group("config.kio.kasten.io") == "config.kio.backup"


def test_what_keeps_them_out_of_force_is_told_and_tried_again(start: Start) -> None:
    engine, known = start(), registry()
    reconciling = reconciler(engine, known)
    engine._post(lambda inner: inner.journal._db.execute("PRAGMA query_only = 1")).result()
    reconciling.repair([])
    assert "readonly" in reconciling.waiting_for()

    engine._post(lambda inner: inner.journal._db.execute("PRAGMA query_only = 0")).result()
    reconciling.repair([])
    assert known.guard is not None
    assert reconciling.waiting_for() == ""


def test_a_later_round_leaves_them_as_they_are(start: Start) -> None:
    engine, known = start(), registry()
    reconciling = reconciler(engine, known)
    reconciling.repair([])
    first = known.guard
    reconciling.repair([body()])

    assert known.guard is first


def test_the_journal_remembers_whole_seconds(start: Start) -> None:
    engine = start()
    reconciler(engine, registry(), at=4000.5).repair([])

    assert json.loads(engine.call(lambda inner: inner.journal.mark(SINCE)).result() or b"0") == 4000
