"""Sources look for what the rules in force need, and for nothing else."""

from __future__ import annotations

from typing import Any

from auditwatch.detection.compile import RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
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
    needles.put(rules("a/one", "vault.kio.kasten.io", "passkeys"))
    needles.put(rules("b/two", "config.kio.kasten.io", "policies"))

    chosen = Prefilter(needles())
    assert (chosen.selects(PASSKEY), chosen.selects(POLICY)) == (True, True)

    needles.remove("a/one")
    chosen = Prefilter(needles())
    assert (chosen.selects(PASSKEY), chosen.selects(POLICY)) == (False, True)


def test_a_rule_set_stands_instead_of_the_watchs_former_one() -> None:
    needles = NeedlesInForce()
    needles.put(rules("a/one", "vault.kio.kasten.io", "passkeys"))
    before = needles()
    needles.put(rules("a/one", "config.kio.kasten.io", "policies"))

    assert needles().digest != before.digest
    assert not Prefilter(needles()).selects(PASSKEY)


def test_a_rule_of_which_nothing_is_certain_has_everything_read() -> None:
    needles = NeedlesInForce([OWN])
    needles.put(rules("a/one", "*", "*"))

    assert needles().reads_everything
    assert Prefilter(needles()).selects(PASSKEY)
