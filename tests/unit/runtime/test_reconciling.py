"""From AuditWatches to rules in force, on a real engine with a real journal: nothing a user writes may raise."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auditwatch.detection.detector import Detector
from auditwatch.detection.guards import guard_key
from auditwatch.detection.packs import built_in_packs
from auditwatch.detection.shared import LABEL
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.enforcing import Enforcing
from auditwatch.runtime.engine import Engine
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.needing import NeedlesInForce
from auditwatch.runtime.reconciling import Reconciling
from auditwatch.runtime.registry import Registry, WatchEntry
from auditwatch.runtime.tally import ledger_of
from tests.unit.runtime.engine_parts import real_engine

RULE: dict[str, Any] = {
    "name": "touched",
    "severity": "High",
    "match": {"apiGroups": ["config.kio.kasten.io"], "resources": ["policies"], "verbs": ["update", "patch"]},
}
INFORCE = "inforce/"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineThread]:
    thread = real_engine(tmp_path / "journal.db", now=1000.0)
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def registry() -> Registry:
    return Registry(changed=lambda: None)


@pytest.fixture
def needles() -> NeedlesInForce:
    return NeedlesInForce()


@pytest.fixture
def reconciling(engine: EngineThread, registry: Registry, needles: NeedlesInForce) -> Reconciling:
    return Reconciling(
        registry,
        engine,
        operator_namespace="aw",
        tenant_namespaces=["team-*"],
        packs=built_in_packs()[0],
        needles=needles,
        instances=[K10Instance()],
        clock=lambda: 1000.0,
    )


def body(uid: str = "u1", *, namespace: str = "aw", generation: int = 1, **spec: Any) -> dict[str, Any]:
    metadata = {"uid": uid, "namespace": namespace, "name": f"watch-{uid}", "generation": generation}
    return {"metadata": metadata, "spec": spec, "status": {}}


def entry(registry: Registry, uid: str = "u1") -> WatchEntry:
    found = registry.get(uid)
    assert found is not None
    return found


def in_force(engine: EngineThread) -> dict[str, bytes]:
    """Of AuditWatches; the rules that are of none are looked at in test_guarding.py."""
    marks = engine.call(lambda inner: dict(inner.journal.marks(INFORCE))).result()
    return {name: value for name, value in marks.items() if not name.startswith(f"{INFORCE}{guard_key('aw')}/")}


def test_an_empty_spec_puts_the_baseline_in_force(
    reconciling: Reconciling, registry: Registry, engine: EngineThread
) -> None:
    reconciling.seen(body())

    known = entry(registry)
    assert known.rule_set is not None
    assert "policy-paused" in known.rule_set.rules
    assert known.problems == ()
    assert len(in_force(engine)) == len(known.rule_set.rules)


def test_findings_are_made_under_the_policy_of_the_watch_and_the_runbooks_of_the_installer(
    engine: EngineThread, registry: Registry
) -> None:
    reconciling = Reconciling(
        registry,
        engine,
        operator_namespace="aw",
        tenant_namespaces=[],
        packs=built_in_packs()[0],
        needles=NeedlesInForce(),
        instances=[K10Instance()],
        clock=lambda: 1000.0,
        runbooks="https://wiki.example.com/{name}",
    )
    reconciling.seen(body(findings={"minSeverity": "High"}))

    policy = engine.call(lambda inner: ledger_of(inner)._policies.get("aw/watch-u1")).result()
    assert policy is not None
    assert policy.min_severity == "High"
    assert policy.runbook_address("retention-cut") == "https://wiki.example.com/retention-cut"


def test_one_bad_rule_is_left_out_and_the_rest_is_in_force(reconciling: Reconciling, registry: Registry) -> None:
    wrong = {**RULE, "name": "wrong", "severity": "Dreadful"}
    reconciling.seen(body(packs=[], rules=[RULE, wrong]))

    known = entry(registry)
    assert known.rule_set is not None
    assert set(known.rule_set.rules) == {"touched"}
    assert known.invalid_rules == ("wrong",)
    assert [problem.path for problem in known.problems if problem.fatal] == ["spec.rules[1].severity"]


def test_an_unchanged_generation_is_not_compiled_again(reconciling: Reconciling, registry: Registry) -> None:
    reconciling.seen(body())
    first = entry(registry).rule_set
    reconciling.seen({**body(), "status": {"ruleCount": 1}})

    assert entry(registry).rule_set is first
    assert entry(registry).status == {"ruleCount": 1}


def test_a_new_generation_is_compiled(reconciling: Reconciling, registry: Registry) -> None:
    reconciling.seen(body())
    reconciling.seen(body(generation=2, packs=[], rules=[RULE]))

    known = entry(registry)
    assert known.rule_set is not None
    assert set(known.rule_set.rules) == {"touched"}


def test_a_paused_watch_has_no_rule_in_force(
    reconciling: Reconciling, registry: Registry, engine: EngineThread
) -> None:
    reconciling.seen(body(packs=[], rules=[RULE]))
    assert in_force(engine)
    reconciling.seen(body(generation=2, paused=True, packs=[], rules=[RULE]))

    assert in_force(engine) == {}
    assert entry(registry).paused


def test_a_deleted_watch_is_out_of_force(reconciling: Reconciling, registry: Registry, engine: EngineThread) -> None:
    reconciling.seen(body(packs=[], rules=[RULE]))
    reconciling.gone("u1")
    reconciling.gone("never-known")

    assert registry.entries() == []
    assert in_force(engine) == {}


def test_repair_finds_what_no_watch_told_of(reconciling: Reconciling, registry: Registry) -> None:
    reconciling.seen(body("old"))

    reconciling.repair([body("new")])

    assert [known.uid for known in registry.entries()] == ["new"]


def test_a_watch_of_a_tenant_sees_its_own_namespace_only(reconciling: Reconciling, registry: Registry) -> None:
    reconciling.seen(body(namespace="team-a", packs=[], rules=[RULE]))

    rule_set = entry(registry).rule_set
    assert rule_set is not None
    assert rule_set.tenant == "team-a"


def test_a_watch_in_a_namespace_that_may_hold_none_is_refused_with_the_fix(
    reconciling: Reconciling, registry: Registry, engine: EngineThread
) -> None:
    reconciling.seen(body(namespace="elsewhere", packs=[], rules=[RULE]))

    assert "tenancy.namespaces" in entry(registry).refused
    assert in_force(engine) == {}


def test_findings_elsewhere_are_for_the_operators_own_namespace(reconciling: Reconciling, registry: Registry) -> None:
    reconciling.seen(body(namespace="team-a", packs=[], rules=[RULE], findings={"namespace": "kasten-io"}))

    assert [problem.path for problem in entry(registry).problems] == ["spec.findings.namespace"]


def test_an_unknown_k10_is_a_problem_that_names_those_there_are(reconciling: Reconciling, registry: Registry) -> None:
    reconciling.seen(body(k10Name="other"))

    problem = entry(registry).problems[0]
    assert problem.path == "spec.k10Name"
    assert "default" in problem.message


def test_when_k10_moves_every_watch_is_compiled_for_it(reconciling: Reconciling, registry: Registry) -> None:
    moved = K10Instance(namespace="backup", api_domain="kio.backup")
    reconciling.seen(body(packs=[], rules=[RULE]))

    reconciling.use_instances([moved], [body(packs=[], rules=[RULE])])

    rule_set = entry(registry).rule_set
    assert rule_set is not None
    assert rule_set.k10.group("config.kio.kasten.io") == "config.kio.backup"


@pytest.mark.parametrize(
    "spec", [{"rules": "no list"}, {"rules": [None, 7]}, {"packs": [{"name": "absent"}]}, {"findings": 3}]
)
def test_nothing_a_user_writes_raises(reconciling: Reconciling, registry: Registry, spec: dict[str, Any]) -> None:
    reconciling.seen(body(**spec))

    assert entry(registry).problems


def test_sources_look_for_what_the_rules_of_a_watch_need_as_long_as_it_is_there(
    reconciling: Reconciling, needles: NeedlesInForce
) -> None:
    nothing = needles()
    reconciling.seen(body(packs=[], rules=[RULE]))
    wanted = needles()
    reconciling.seen(body(generation=2, packs=[], rules=[RULE], paused=True))
    just_paused = needles()
    needles.end_formers(before=1001.0)
    paused = needles()
    reconciling.seen(body(generation=3, packs=[], rules=[RULE]))
    again = needles()
    reconciling.gone("u1")
    needles.end_formers(before=1001.0)

    assert just_paused == wanted
    assert wanted.needles > nothing.needles
    assert (paused, again, needles()) == (nothing, wanted, nothing)


def test_a_watch_looks_at_what_happens_from_its_creation_on(reconciling: Reconciling, registry: Registry) -> None:
    new = body(packs=[], rules=[RULE])
    new["metadata"]["creationTimestamp"] = "2026-11-01T10:00:00Z"
    reconciling.seen(new)

    rule_set = entry(registry).rule_set
    assert rule_set is not None
    assert rule_set.since == 1_793_527_200.0


def _config_map(kind: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": "ours", "labels": {LABEL: kind}}, "data": data}


PACK = 'name: ours\nversion: "1"\nrules: [{name: touched, match: {names: [x]}}]\n'


def test_a_pack_of_a_config_map_is_in_force_where_it_is_named(reconciling: Reconciling, registry: Registry) -> None:
    watch = body(packs=[{"name": "ours", "version": "1"}])
    reconciling.seen(watch)
    assert "there is no pack ours" in str(entry(registry).problems[0])

    reconciling.share([_config_map("pack", rules=PACK)], [watch])

    rule_set = entry(registry).rule_set
    assert rule_set is not None
    assert (set(rule_set.rules), entry(registry).problems) == ({"touched"}, ())


def test_a_tenant_may_use_a_pack_and_not_what_is_on_the_operators_lists(
    reconciling: Reconciling, registry: Registry
) -> None:
    tested = {**RULE, "name": "by-hand", "where": [{"field": "actor.id", "operator": "In", "list": "gitops"}]}
    lists = [{"name": "gitops", "values": ["argo"]}]
    own = body("u1", packs=[], rules=[tested], lists=lists)
    tenant = body("u2", namespace="team-a", packs=[{"name": "ours", "version": "1"}], rules=[tested])

    reconciling.share([_config_map("pack", rules=PACK), _config_map("list", gitops="flux")], [own, tenant])

    assert entry(registry, "u1").problems == ()
    assert [str(problem) for problem in entry(registry, "u2").problems] == [
        "spec.rules[0].where[0].list: list 'gitops' does not exist; what names it is never true"
    ]


def test_what_is_wrong_with_a_pack_is_told_to_the_watches_that_use_it(
    reconciling: Reconciling, registry: Registry
) -> None:
    bad = PACK.replace("rules: [", "rules: [{name: bad, severity: Dire, match: {names: [x]}}, ")
    using, other = body("u1", packs=[{"name": "ours", "version": "1"}]), body("u2", packs=[], rules=[RULE])

    reconciling.share([_config_map("pack", rules=bad)], [using, other])

    (problem,) = entry(registry, "u1").problems
    assert (problem.path, problem.fatal) == ("configmap ours, rules: rules[0].severity", True)
    assert entry(registry, "u2").problems == ()


def test_what_is_no_pack_warns_the_operators_own_watches(reconciling: Reconciling, registry: Registry) -> None:
    own, tenant = body("u1", packs=[], rules=[RULE]), body("u2", namespace="team-a", packs=[], rules=[RULE])

    reconciling.share([_config_map("pack", rules="name: [")], [own, tenant])

    (problem,) = entry(registry, "u1").problems
    assert (problem.path, problem.fatal) == ("configmap ours, rules", False)
    assert entry(registry, "u2").problems == ()
    assert entry(registry).rule_set is not None


# What could not be done


def squeeze(engine: EngineThread) -> None:
    """The journal's volume is full."""

    def fill(inner: Engine) -> None:
        inner.journal._db.execute(f"PRAGMA max_page_count = {inner.journal._db.number('PRAGMA page_count')}")

    engine._post(fill).result()


def enlarge(engine: EngineThread) -> None:
    engine._post(lambda inner: inner.journal._db.execute("PRAGMA max_page_count = 1073741823")).result()


def read_only(engine: EngineThread, is_so: str) -> None:
    """The journal's volume takes no write, or does again."""
    engine._post(lambda inner: inner.journal._db.execute(f"PRAGMA query_only = {is_so}")).result()


def test_rules_that_could_not_come_into_force_are_told_and_tried_again(
    reconciling: Reconciling, registry: Registry, engine: EngineThread
) -> None:
    squeeze(engine)
    reconciling.seen(body())
    assert (entry(registry).rule_set, entry(registry).generation) == (None, 0)
    assert "the disk is full" in entry(registry).not_in_force

    enlarge(engine)
    reconciling.repair([body()])
    known = entry(registry)
    assert (known.not_in_force, known.generation) == ("", 1)
    assert known.rule_set is not None
    assert len(in_force(engine)) == len(known.rule_set.rules) == len(_installed(engine, known.key))


def test_what_was_in_force_before_still_is_and_is_what_is_told(
    reconciling: Reconciling, registry: Registry, engine: EngineThread
) -> None:
    reconciling.seen(body(packs=[], rules=[RULE]))
    squeeze(engine)
    reconciling.seen(body(generation=2))

    known = entry(registry)
    assert (known.generation, bool(known.not_in_force)) == (1, True)
    assert known.rule_set is not None
    assert set(known.rule_set.rules) == set(_installed(engine, known.key)) == {"touched"}


def test_a_watch_compiled_anew_for_another_k10_is_tried_again_at_the_same_generation(
    reconciling: Reconciling, registry: Registry, engine: EngineThread
) -> None:
    moved = K10Instance(namespace="backup", api_domain="kio.backup")
    reconciling.seen(body())
    read_only(engine, "1")
    reconciling.use_instances([moved], [body()])
    assert entry(registry).not_in_force
    read_only(engine, "0")
    reconciling.seen(body())

    rule_set = entry(registry).rule_set
    assert rule_set is not None
    assert (rule_set.k10.group("config.kio.kasten.io"), entry(registry).not_in_force) == ("config.kio.backup", "")


def test_a_deleted_watch_that_could_not_be_taken_out_of_force_is_tried_again(
    reconciling: Reconciling, registry: Registry, engine: EngineThread, needles: NeedlesInForce
) -> None:
    reconciling.repair([])
    nothing = needles()
    reconciling.seen(body())
    read_only(engine, "1")
    reconciling.gone("u1")
    assert _installed(engine, "aw/watch-u1")
    read_only(engine, "0")
    reconciling.repair([])
    needles.end_formers(before=1001.0)

    assert (registry.entries(), in_force(engine), needles()) == ([], {}, nothing)
    assert _installed(engine, "aw/watch-u1") == {}


def test_a_watch_that_was_made_again_under_its_name_stays_in_force_when_the_former_is_missed(
    reconciling: Reconciling, registry: Registry, engine: EngineThread
) -> None:
    again = body(packs=[], rules=[RULE])
    again["metadata"]["uid"] = "u2"
    reconciling.seen(body())
    reconciling.repair([again])

    assert [known.uid for known in registry.entries()] == ["u2"]
    assert set(_installed(engine, "aw/watch-u1")) == {"touched"}


def test_an_engine_that_hangs_holds_nobody_for_ever_and_does_nothing_afterwards(
    engine: EngineThread, needles: NeedlesInForce
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hang(_inner: Engine) -> None:
        entered.set()
        leave.wait()

    hanging = engine._post(hang)
    entered.wait()
    trouble = Enforcing(engine, needles, clock=lambda: 1000.0, seconds=0.01).remove("aw/watch-u1")
    leave.set()
    hanging.result()

    assert "did not answer within 0.01 s" in trouble


def test_incidents_of_a_watch_that_is_gone_end(reconciling: Reconciling, engine: EngineThread) -> None:
    reconciling.seen(body())
    reconciling.gone("u1")

    assert engine.call(lambda inner: ledger_of(inner)._ended).result() == {"aw/watch-u1"}
    reconciling.seen(body())
    assert engine.call(lambda inner: ledger_of(inner)._ended).result() == set()


def _installed(engine: EngineThread, watch: str) -> Mapping[str, Any]:
    """What the detector has in force, whatever the journal says."""

    def rules(inner: Engine) -> Mapping[str, Any]:
        assert isinstance(inner.detector, Detector)
        found = inner.detector._in_force.get(watch)
        return found.rule_set.rules if found is not None else {}

    return engine._post(rules).result()
