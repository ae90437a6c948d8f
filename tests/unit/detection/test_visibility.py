"""What each rule says it can see: the level, the reason, and what would help."""

from __future__ import annotations

import pytest

from auditwatch.detection.visibility import KindView, SourcesView, Visibility, rule_set_visibility, visibility

from .building import compiled, rule_set, rule_with

POLICIES = ("config.kio.kasten.io", "policies")
WATCHED = SourcesView({POLICIES: KindView("Watched"), ("", "namespaces"): KindView("Watched")})
EXISTS = "[{field: target.name, operator: Exists}]"


def _sees(rules: str, sources: SourcesView = WATCHED, tenant: str | None = None) -> Visibility:
    return visibility(rule_set(rules).rules["probe"], sources, tenant=tenant)


def test_a_rule_about_what_is_watched_sees_net_differences() -> None:
    seen = _sees(rule_with(EXISTS))
    assert (seen.level, seen.reason) == ("Partial", "NoAuditLog")
    assert seen.message == "seen as net differences; who did it is not proven"


def test_a_kind_that_is_not_seen_in_one_namespace_is_partial_for_what_can_be_helped() -> None:
    view = KindView("Watched", unseen="no right to list policies in namespace b: set this")

    assert _sees(rule_with(EXISTS), SourcesView({POLICIES: view})) == Visibility(
        "Partial", "MissingPermission", view.unseen
    )


def test_a_polled_kind_is_seen_as_well() -> None:
    assert _sees(rule_with(EXISTS), SourcesView({POLICIES: KindView("Polled")})).level == "Partial"


@pytest.mark.parametrize(
    ("view", "reason", "words"),
    [
        (KindView("Forbidden", verb="watch"), "MissingPermission", "watch on policies.config.kio.kasten.io"),
        (KindView("Forbidden"), "MissingPermission", "list on policies.config.kio.kasten.io"),
        (KindView("NotServed"), "NotServed", "does not serve policies.config.kio.kasten.io"),
        (KindView("Unavailable", message="503"), "SourceUnavailable", "503"),
        (KindView("NotWatched"), "NeedsAuditLog", "not watched"),
    ],
)
def test_a_rule_about_what_is_not_seen_is_blind_and_says_why(view: KindView, reason: str, words: str) -> None:
    seen = _sees(rule_with(EXISTS), SourcesView({POLICIES: view}))
    assert (seen.level, seen.reason) == ("Blind", reason)
    assert words in seen.message


def test_a_rule_about_two_kinds_of_which_one_is_seen_is_partial_and_names_the_other() -> None:
    rule = rule_with(EXISTS).replace("[policies]", "[policies, profiles]")
    seen = _sees(rule)
    assert (seen.level, seen.reason) == ("Partial", "NeedsAuditLog")
    assert "profiles.config.kio.kasten.io" in seen.message
    assert "policies" not in seen.message


def test_a_kind_nobody_watches_needs_the_audit_log() -> None:
    seen = _sees("[{name: probe, match: {apiGroups: [''], resources: [secrets]}}]")
    assert (seen.level, seen.reason) == ("Blind", "NeedsAuditLog")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (rule_with("[{field: actor.id, operator: Equals, values: [eve]}]"), "actor.id"),
        (rule_with("[{field: client.ip, operator: InCIDR, values: [10.0.0.0/8]}]"), "client.ip"),
        (rule_with(EXISTS).replace("[policies]", "[policies], users: [eve]"), "user.name"),
        (rule_with(EXISTS).replace("[policies]", "[policies], verbs: [get, list]"), "get, list"),
        (rule_with(EXISTS).replace("[policies]", "[policies], outcomes: [Denied]"), "Denied"),
        (rule_with(EXISTS).replace("[policies]", "[policies], evidence: [Audited]"), "requests as the audit log would"),
    ],
)
def test_a_rule_that_needs_the_request_is_blind_without_the_audit_log(rule: str, words: str) -> None:
    seen = _sees(rule)
    assert (seen.level, seen.reason) == ("Blind", "NeedsAuditLog")
    assert words in seen.message


def test_a_rule_that_can_do_without_the_actor_is_not_blind() -> None:
    either = "[{anyOf: [[{field: actor.id, operator: Exists}], [{field: target.name, operator: Exists}]]}]"
    assert _sees(rule_with(either)).level == "Partial"


def test_a_rule_that_speaks_when_unknown_is_not_blind() -> None:
    where = "[{field: actor.id, operator: Exists}]"
    assert _sees(rule_with(where, onUnknown="{severity: Low}")).level == "Partial"


def test_an_exception_about_the_actor_blinds_no_rule() -> None:
    exception = "[{name: x, reason: r, where: [{field: actor.id, operator: Exists}]}]"
    assert _sees(rule_with(EXISTS, **{"except": exception})).level == "Partial"


def test_a_rule_that_names_a_list_that_is_not_there_is_blind() -> None:
    found, _ = compiled(rule_with("[{field: target.name, operator: In, list: nope}]"))
    seen = visibility(found.rules["probe"], WATCHED)
    assert (seen.level, seen.reason) == ("Blind", "NotFound")
    assert "list nope" in seen.message


def test_what_lies_outside_of_a_tenants_namespace_is_said() -> None:
    elsewhere = rule_with(EXISTS).replace("[policies]", "[policies], namespaces: [kasten-io]")
    assert _sees(elsewhere, tenant="shop").reason == "OutsideTenant"
    assert _sees(elsewhere, tenant="kasten-io").reason == "NoAuditLog"
    assert _sees(rule_with("[{field: actor.id, operator: Exists}]"), tenant="shop").reason == "OutsideTenant"


STORY = """
- {name: a, tags: [t], match: {apiGroups: [config.kio.kasten.io], resources: [policies]}}
- {name: b, tags: [t], match: {apiGroups: [''], resources: [secrets]}}
- name: probe
  correlate: {type: eventCount, of: [%s], timespanSeconds: 60, conditions: [{gte: 2}]}
"""


@pytest.mark.parametrize(
    ("of", "level", "reason"),
    [
        ("{rule: a}", "Partial", "NoAuditLog"),
        ("{rule: b}", "Blind", "NeedsAuditLog"),
        ("{tags: [t]}", "Partial", "NeedsAuditLog"),
    ],
)
def test_a_story_sees_what_its_rules_see(of: str, level: str, reason: str) -> None:
    seen = rule_set_visibility(rule_set(STORY % of), WATCHED)["probe"]
    assert (seen.level, seen.reason) == (level, reason)


def test_a_story_of_a_rule_out_of_force_is_blind() -> None:
    found, _ = compiled((STORY % "{rule: a}").replace("[policies]", "[policies], verbs: [eat]"))
    seen = rule_set_visibility(found, WATCHED)
    assert (seen["probe"].level, seen["probe"].reason) == ("Blind", "DependsOnDisabledRule")
    assert seen["a"].reason == "InvalidRule"
    assert "unsupported value" in seen["a"].message


def test_every_rule_has_its_visibility() -> None:
    found, _ = compiled(STORY % "{rule: a}")
    assert set(rule_set_visibility(found, WATCHED)) == {"a", "b", "probe"}
