"""Sources look for what the rules in force need, and for nothing else."""

from __future__ import annotations

from typing import Any

from auditwatch.detection.compile import RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.formers import MAX_FORMERS
from auditwatch.events.needles import Needle
from auditwatch.events.prefilter import Prefilter
from auditwatch.k10.view import InstalledK10
from auditwatch.runtime.needing import NeedlesInForce

OWN = Needle(('"name":"our-own"',))
PASSKEY = b'{"objectRef":{"resource":"passkeys","name":"p","apiGroup":"vault.kio.kasten.io","apiVersion":"v1alpha1"}}'
POLICY = b'{"objectRef":{"resource":"policies","name":"p","apiGroup":"config.kio.kasten.io","apiVersion":"v1alpha1"}}'


def rules(watch: str, group: str, resource: str, **match: Any) -> RuleSet:
    rule = {
        "name": "touched",
        "severity": "High",
        "match": {"apiGroups": [group], "resources": [resource], **match},
    }
    rule_set, problems = compile_watch(
        RuleSource(watch=watch, rules=[("spec.rules[0]", rule)]), k10=InstalledK10(), now=0.0
    )
    assert problems == ()
    return rule_set


def test_without_rules_only_our_own_requests_are_looked_for() -> None:
    needles = NeedlesInForce([OWN])

    assert needles().needles == {OWN}
    assert not Prefilter(needles()).selects(PASSKEY)


def test_what_any_watch_needs_is_looked_for() -> None:
    needles = NeedlesInForce([OWN])
    needles.put(rules("a/one", "vault.kio.kasten.io", "passkeys"), now=0.0)
    needles.put(rules("b/two", "config.kio.kasten.io", "policies"), now=0.0)

    chosen = Prefilter(needles())
    assert (chosen.selects(PASSKEY), chosen.selects(POLICY)) == (True, True)

    needles.remove("a/one", now=0.0)
    needles.end_formers(before=1.0)
    chosen = Prefilter(needles())
    assert (chosen.selects(PASSKEY), chosen.selects(POLICY)) == (False, True)


def test_a_rule_set_stands_instead_of_the_watchs_former_one() -> None:
    needles = NeedlesInForce()
    needles.put(rules("a/one", "vault.kio.kasten.io", "passkeys"), now=0.0)
    before = needles()
    needles.put(rules("a/one", "config.kio.kasten.io", "policies"), now=0.0)
    needles.end_formers(before=1.0)

    assert needles().digest != before.digest
    assert not Prefilter(needles()).selects(PASSKEY)


def test_a_rule_of_which_nothing_is_certain_has_everything_read() -> None:
    needles = NeedlesInForce([OWN])
    needles.put(rules("a/one", "*", "*"), now=0.0)

    assert needles().reads_everything
    assert Prefilter(needles()).selects(PASSKEY)


def test_what_went_out_of_force_is_looked_for_until_its_time_is_over() -> None:
    needles = NeedlesInForce()
    needles.put(rules("a/one", "vault.kio.kasten.io", "passkeys"), now=10.0)
    needles.put(rules("a/one", "config.kio.kasten.io", "policies"), now=100.0)
    needles.remove("a/one", now=200.0)
    assert [each.watch for each in needles.rule_sets()] == ["a/one", "a/one"]
    assert (Prefilter(needles()).selects(PASSKEY), Prefilter(needles()).selects(POLICY)) == (True, True)

    needles.end_formers(before=150.0)
    assert (Prefilter(needles()).selects(PASSKEY), Prefilter(needles()).selects(POLICY)) == (False, True)
    needles.end_formers(before=250.0)
    assert (needles.rule_sets(), needles().needles) == ([], frozenset())


def test_the_same_rules_again_leave_nothing_behind() -> None:
    needles = NeedlesInForce()
    for moment in range(3):
        needles.put(rules("a/one", "vault.kio.kasten.io", "passkeys"), now=float(moment))

    assert len(needles.rule_sets()) == 1


def test_of_very_many_changes_the_first_are_kept_and_those_of_other_watches() -> None:
    needles = NeedlesInForce()
    needles.put(rules("a/one", "vault.kio.kasten.io", "passkeys"), now=0.0)
    for moment in range(1, 100):
        needles.put(rules("a/one", "apps", "deployments", names=[f"x{moment}"]), now=float(moment))
    needles.put(rules("b/two", "config.kio.kasten.io", "policies"), now=100.0)
    needles.remove("b/two", now=101.0)

    assert len(needles.rule_sets()) == MAX_FORMERS + 2
    assert (Prefilter(needles()).selects(PASSKEY), Prefilter(needles()).selects(POLICY)) == (True, True)
