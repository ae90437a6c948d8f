"""What audit sources let a rule see: proven by policy or by what was seen, with bodies or without, alive or silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from auditwatch.detection.auditsight import verb_class
from auditwatch.detection.observed import PROOF_SECONDS, AuditSight, ObservedFields, ObservedLevels
from auditwatch.detection.sight import AuditLevel, KindView, SourcesView, VerbClass, Visibility
from auditwatch.detection.visibility import rule_set_visibility

from .building import K10, POD, POLICY_REFERENCE, audited, change, compiled, paths, record, rule_set

CONFIG = "config.kio.kasten.io"
POLICIES = (CONFIG, "policies")
VAULT = ("vault.kio.kasten.io", "passkeys")
EVERYTHING: AuditLevel = "RequestResponse"


@dataclass(frozen=True)
class _Audit:
    """A source that logs what it is told to."""

    levels: Mapping[tuple[str, str, str], AuditLevel] = field(default_factory=dict)
    default: AuditLevel | None = None
    evidence: Any = "Audited"
    silence: str = ""
    name: str = "audit-log"
    is_past: bool = False

    def level(self, group: str, resource: str, verb_class: VerbClass) -> AuditLevel | None:
        return self.levels.get((group, resource, verb_class), self.default)


def _sees(
    *audits: _Audit,
    groups: str = CONFIG,
    resources: str = "policies",
    more: str = "",
    rest: str = "",
    watched: Any = (),
    unseen: str = "",
) -> Visibility:
    match = f"{{apiGroups: ['{groups}'], resources: [{resources}]{more}}}"
    rules = rule_set(f"- name: probe\n  match: {match}\n{rest}")
    sources = SourcesView({kind: KindView("Watched", unseen=unseen) for kind in watched}, audits)
    return rule_set_visibility(rules, sources)["probe"]


WHO = "  where: [{field: actor.id, operator: Exists}]"
WHAT = "  where: [{field: object.spec.paused, operator: Equals, values: ['true']}]"
CUT = "  where: [{field: object.spec.x, operator: Decreased}]"
DELETE, WRITE, READ = ", verbs: [delete]", ", verbs: [update, patch]", ", verbs: [get, list]"


def _said(seen: Visibility) -> tuple[str, str]:
    return seen.level, seen.reason


@pytest.mark.parametrize("level", ["Metadata", "Request", EVERYTHING])
def test_what_is_logged_is_seen_with_who_did_it(level: Any) -> None:
    assert _sees(_Audit(default=level), more=DELETE, rest=WHO) == Visibility("Full")
    assert _sees(_Audit(default=level), more=READ, rest=WHO) == Visibility("Full")


def test_what_was_never_shown_is_not_proven() -> None:
    seen = _sees(_Audit(), more=DELETE, rest=WHO)
    assert _said(seen) == ("Partial", "NotYetObserved")
    assert seen.message == "source audit-log has not shown delete of policies.config.kio.kasten.io yet"
    seen = _sees(_Audit(name="this log", is_past=True), more=DELETE)
    assert (_said(seen), seen.message) == (
        ("Partial", "NotYetObserved"),
        "this log shows no delete of policies.config.kio.kasten.io",
    )


def test_what_a_policy_leaves_out_is_blind() -> None:
    assert _said(_sees(_Audit(default="None"), more=READ)) == ("Blind", "NotLogged")


def test_a_source_without_a_sign_of_life_shows_nothing() -> None:
    seen = _sees(_Audit(default=EVERYTHING, silence="the canary did not return"), more=READ)
    assert _said(seen) == ("Blind", "SourceUnavailable")
    assert "the canary did not return" in seen.message


def test_one_source_that_sees_is_enough() -> None:
    silent, alive = _Audit(silence="away"), _Audit(default="Metadata", name="webhook")
    assert _sees(silent, alive, more=READ) == Visibility("Full")


def test_watched_state_shows_what_changed_where_audit_shows_who() -> None:
    for rest in (WHAT, CUT):
        assert _sees(_Audit(default="Metadata"), more=WRITE, rest=rest, watched=[POLICIES]) == Visibility("Full")


def test_where_state_does_not_see_every_namespace_bodies_must_be_logged_there() -> None:
    half: Any = {"more": WRITE, "watched": [POLICIES], "unseen": "no right to list them in namespace b"}

    assert _sees(_Audit(default="Metadata"), rest=WHO, **half) == Visibility("Full")
    assert _sees(_Audit(default=EVERYTHING), rest=WHAT, **half) == Visibility("Full")
    dim = Visibility("Partial", "MissingPermission", "no right to list them in namespace b")
    assert _sees(_Audit(default="Metadata"), rest=WHAT, **half) == dim
    assert _sees(_Audit(default="None"), rest=WHAT, **half) == dim


def test_without_state_bodies_must_be_logged() -> None:
    seen = _sees(_Audit(default="Metadata"), more=WRITE, rest=WHAT)
    assert _said(seen) == ("Blind", "NeedsBodies")
    assert "RequestResponse" in seen.message
    unsure = WHAT + "\n  onUnknown: {severity: Low}"
    assert _said(_sees(_Audit(default="Metadata"), more=WRITE, rest=unsure)) == ("Partial", "NeedsBodies")


def test_bodies_show_what_something_became_and_not_always_what_it_was() -> None:
    assert _sees(_Audit(default=EVERYTHING), more=WRITE, rest=WHAT) == Visibility("Full")
    assert _said(_sees(_Audit(default="Request"), more=WRITE, rest=WHAT)) == ("Partial", "OldValuesUnknown")
    assert _said(_sees(_Audit(default=EVERYTHING), more=WRITE, rest=CUT)) == ("Partial", "OldValuesUnknown")


def test_of_what_others_serve_the_api_server_never_has_bodies() -> None:
    seen = _sees(_Audit(default=EVERYTHING), groups=VAULT[0], resources=VAULT[1], rest=WHAT, more=WRITE)
    assert _said(seen) == ("Blind", "NeedsBodies")
    assert "RequestResponse" not in seen.message
    stream = _Audit(default=EVERYTHING, evidence="K10Stream", name="k10stream")
    assert _sees(stream, groups=VAULT[0], resources=VAULT[1], rest=WHAT, more=WRITE) == Visibility("Full")


def test_k10s_own_record_does_not_say_who_authenticated() -> None:
    stream = _Audit(default=EVERYTHING, evidence="K10Stream")
    group, resource = VAULT
    assert _sees(stream, rest=WHO, more=READ, groups=group, resources=resource) == Visibility("Full")
    seen = _sees(stream, more=READ + ", users: [eve]", groups=group, resources=resource)
    assert _said(seen) == ("Blind", "NeedsAuditLog")


@pytest.mark.parametrize(("group", "resource"), [POLICIES, ("", "secrets"), ("apps", "deployments")])
def test_k10s_own_record_says_nothing_of_what_its_server_does_not_serve(group: str, resource: str) -> None:
    stream = _Audit(evidence="K10Stream")
    assert _said(_sees(stream, more=READ, groups=group, resources=resource)) == ("Blind", "NeedsAuditLog")
    watched = _sees(stream, more=DELETE, groups=group, resources=resource, watched=[(group, resource)])
    assert _said(watched) == ("Partial", "NoAuditLog")


def test_evidence_a_rule_does_not_take_shows_it_nothing() -> None:
    assert _said(_sees(_Audit(default=EVERYTHING), more=READ + ", evidence: [K10Stream]")) == ("Blind", "NeedsAuditLog")
    state = _sees(_Audit(default=EVERYTHING), more=WRITE + ", evidence: [State]", watched=[POLICIES])
    assert _said(state) == ("Partial", "NoAuditLog")


def test_state_still_sees_what_audit_does_not_log() -> None:
    seen = _sees(_Audit(default="None"), more=DELETE, watched=[POLICIES])
    assert _said(seen) == ("Partial", "NoAuditLog")
    assert _said(_sees(_Audit(default="None"), more=DELETE, rest=WHO, watched=[POLICIES])) == ("Blind", "NotLogged")


def test_a_rule_that_sees_one_half_is_partial_for_the_reason_of_the_other() -> None:
    half = _Audit({(*POLICIES, "delete"): "Metadata"}, default="None")
    assert _said(_sees(half, more=", verbs: [get, delete]")) == ("Partial", "NotLogged")
    profiles = _Audit({(*POLICIES, "delete"): "Metadata"})
    seen = _sees(profiles, resources="policies, profiles", more=DELETE)
    assert _said(seen) == ("Partial", "NotYetObserved")
    assert "profiles" in seen.message
    assert "policies" not in seen.message


def test_what_no_source_tells_is_blind_whatever_is_logged() -> None:
    granted = "  where: [{field: actor.grantedBy, operator: Exists}]"
    assert _said(_sees(_Audit(default=EVERYTHING), more=READ, rest=granted)) == ("Blind", "NotProvided")


def test_connecting_is_a_class_of_its_own() -> None:
    connected = _Audit({("", "pods/exec", "connect"): "Metadata"})
    assert _sees(connected, groups="", resources="pods/exec", more=", verbs: [create]") == Visibility("Full")
    assert verb_class("get", "exec") == verb_class("create", "attach") == "connect"
    assert [verb_class(verb) for verb in ("watch", "patch", "deletecollection", "post")] == [
        "read",
        "write",
        "delete",
        None,
    ]


def test_a_rule_that_names_no_kind_is_never_proven() -> None:
    urls = rule_set("[{name: probe, match: {nonResourceURLs: [/metrics]}}]")
    seen = rule_set_visibility(urls, SourcesView({}, (_Audit(default=EVERYTHING),)))["probe"]
    assert _said(seen) == ("Partial", "NotYetObserved")
    away = rule_set_visibility(urls, SourcesView({}, (_Audit(silence="away"),)))["probe"]
    assert _said(away) == ("Blind", "SourceUnavailable")


def _observed(*events: tuple[dict[str, Any], float]) -> ObservedLevels:
    seen = ObservedLevels([POLICIES, ("", "pods/exec")])
    for event, time in events:
        seen.note(record(event).event, time)
    return seen


def test_the_highest_level_seen_lately_counts() -> None:
    seen = _observed(({"level": "Metadata"}, 100.0), ({"level": "RequestResponse"}, 50.0), ({"level": "Request"}, 10.0))
    assert seen.level(*POLICIES, "write", 100.0) == "RequestResponse"
    assert seen.level(*POLICIES, "write", 51.0 + PROOF_SECONDS) == "Metadata"
    assert seen.level(*POLICIES, "write", 101.0 + PROOF_SECONDS) is None
    assert seen.level(*POLICIES, "delete", 100.0) is None


def test_what_nobody_asked_about_is_not_kept() -> None:
    seen = _observed(({"objectRef": {**POLICY_REFERENCE, "resource": "invented"}}, 1.0), ({"level": "Loud"}, 1.0))
    assert seen.level(CONFIG, "invented", "write", 1.0) is None
    assert seen.level(*POLICIES, "write", 1.0) is None
    seen = _observed(({}, 1.0), ({"objectRef": None}, 1.0), ({"verb": "post"}, 1.0))
    assert seen.level(*POLICIES, "write", 1.0) == "RequestResponse"
    seen.ask([])
    seen.ask([POLICIES])
    assert seen.level(*POLICIES, "write", 1.0) is None


def test_a_known_policy_decides_before_what_was_seen() -> None:
    def policy(_group: str, resource: str, _verbs: VerbClass) -> AuditLevel | None:
        return "None" if resource == "policies" else None

    reference = {"resource": "pods", "subresource": "exec", "namespace": "a", "name": "b"}
    seen = _observed(({}, 1.0), ({"verb": "get", "objectRef": reference}, 1.0))
    sight = AuditSight(name="audit-log", observed=seen, now=1.0, policy=policy)
    assert sight.level(*POLICIES, "write") == "None"
    assert sight.level("", "pods/exec", "connect") == "RequestResponse"
    assert AuditSight(name="audit-log", observed=seen, now=1.0).level(*POLICIES, "write") == "RequestResponse"


REQUIRING = "[{name: probe, requiresFields: [actor.podUID], match: {users: [eve]}}]"


def test_a_rule_that_requires_a_field_is_blind_until_an_event_had_it() -> None:
    rules = rule_set(REQUIRING)
    audits = (_Audit(default=EVERYTHING),)
    lacking = SourcesView({}, audits, frozenset({"actor.podUID", "actor.node"}))
    seen = rule_set_visibility(rules, lacking)["probe"]
    assert _said(seen) == ("Blind", "FieldNotSeen")
    assert "actor.podUID" in seen.message
    assert "actor.node" not in seen.message
    assert rule_set_visibility(rules, SourcesView({}, audits))["probe"].level == "Partial"


def test_a_field_is_seen_where_it_has_a_value() -> None:
    fields = ObservedFields(K10, ["actor.podUID", "actor.node"])
    fields.note(audited())
    fields.note(change(None, {}))
    assert fields.unseen == {"actor.podUID", "actor.node"}
    fields.note(audited(user={"username": "a", "extra": {POD: ["u"]}}))
    assert fields.unseen == {"actor.node"}


def test_a_required_field_that_is_none_is_told_with_its_path() -> None:
    _, problems = compiled(REQUIRING.replace("actor.podUID", "actor.podID"))
    assert paths(problems) == ["spec.rules[0].requiresFields[0]"]
    assert "did you mean 'actor.podUID'" in problems[0].message
