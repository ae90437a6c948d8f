"""A rule is in force everywhere once every source looks for its events, and says so until then."""

from __future__ import annotations

import pytest

from auditwatch.detection.visibility import Visibility
from auditwatch.runtime.ingest import SourceReports
from auditwatch.runtime.needing import REMEMBERED, NeedlesInForce
from auditwatch.runtime.pending import REASON, digests_of, pending
from auditwatch.sources.webhook.report import WebhookReport
from tests.unit.runtime.test_needing import OWN, rules

RULES = rules("a/b", "vault.kio.kasten.io", "passkeys")
SEEN = {"touched": Visibility("Full")}


def _needles() -> tuple[NeedlesInForce, str]:
    """The needles in force, and the digest of those before the rule was."""
    needles = NeedlesInForce([OWN])
    before = needles().digest
    needles.put(RULES, now=0.0)
    return needles, before


def test_a_sender_that_uses_older_needles_keeps_the_rule_from_seeing_all() -> None:
    needles, before = _needles()
    found = pending(RULES, SEEN, {"webhook/node-1": before, "webhook/node-2": needles().digest}, needles.are_known)
    told = found["touched"]
    assert (told.level, told.reason) == ("Partial", REASON)
    assert told.message == "webhook/node-1 will look for its events within seconds"


@pytest.mark.parametrize("digest", ["", "now"])
def test_who_reads_everything_or_uses_those_of_now_is_late_with_nothing(digest: str) -> None:
    needles, _ = _needles()
    digests = {"webhook/node-1": needles().digest if digest else ""}
    assert pending(RULES, SEEN, digests, needles.are_known) == SEEN


def test_needles_of_an_earlier_life_are_not_trusted() -> None:
    needles, _ = _needles()
    assert pending(RULES, SEEN, {"w/n": "f" * 64}, needles.are_known)["touched"].reason == REASON


def test_older_needles_that_hold_the_rules_are_good_enough() -> None:
    needles, _ = _needles()
    before = needles().digest
    needles.put(rules("a/c", "config.kio.kasten.io", "policies"), now=0.0)
    assert pending(RULES, SEEN, {"w/n": before}, needles.are_known) == SEEN


def test_what_is_worse_is_not_made_better() -> None:
    needles, before = _needles()
    blind = {"touched": Visibility("Blind", "Forbidden", "no right")}
    assert pending(RULES, blind, {"w/n": before}, needles.are_known) == blind


def test_many_late_senders_are_counted() -> None:
    needles, before = _needles()
    late = pending(RULES, SEEN, {f"w/n{number}": before for number in range(5)}, needles.are_known)
    assert "w/n0, w/n1, w/n2 and 2 more" in late["touched"].message


def test_what_is_remembered_of_needles_is_bounded() -> None:
    needles, before = _needles()
    for number in range(REMEMBERED):
        needles.put(rules(f"a/w{number}", f"g{number}.example.com", "things"), now=0.0)
    assert not needles.are_known(frozenset([OWN]), before)


def test_a_sender_nobody_hears_from_is_late_with_nothing() -> None:
    senders = [
        WebhookReport(source="w", instance="gone", last_received=0.0, needles_digest="old"),
        WebhookReport(source="w", instance="here", last_received=950.0, needles_digest="new"),
        WebhookReport(source="w", instance="never"),
    ]
    assert digests_of(SourceReports(senders=senders), now=1000.0) == {"w/here": "new"}
