"""The page of rules: current, complete, and honest about what cannot be written."""

from pathlib import Path

import pytest

from auditwatch.cli.rule_reference import render
from auditwatch.detection.packs import built_in_packs, load_pack_text

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "rules.md"

PACK = """
name: small
version: "2"
rules:
- name: gone
  description: Something is gone.
  severity: Low
  severityWhen: [{severity: High, where: [{field: target.name, operator: Equals, values: [x]}]}]
  emit: Signal
  attack: [T1490, T1485]
  remediation: Bring it back.
  runbook: gone
  match: {apiGroups: [""], resources: [configmaps, pods], names: ["x*"], verbs: [delete]}
- name: all-gone
  severity: Critical
  runbook: all-gone
  correlate:
    {type: eventCount, of: [{rule: gone}], groupBy: [target.namespace], timespanSeconds: 60, conditions: [{gte: 3}]}
"""


def _page() -> str:
    pack, problems = load_pack_text(PACK, "small.yaml")
    assert pack is not None
    assert problems == ()
    return render([pack])


def test_the_page_in_the_repository_is_what_the_packs_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(built_in_packs()[0])


def test_a_rule_stands_in_the_table_with_the_severity_it_may_rise_to() -> None:
    assert "| [gone](#gone) | Low, up to High | Medium | T1490, T1485 |" in _page().splitlines()


def test_a_rule_that_never_rises_has_one_severity() -> None:
    assert "| [all-gone](#all-gone) | Critical | Medium |  |" in _page().splitlines()


def test_a_match_rule_says_what_it_looks_at() -> None:
    assert "- Looks at: delete of configmaps, pods named `x*` in the core group" in _page().splitlines()


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ("nonResourceURLs: [/metrics], verbs: [get]", "get of URLs `/metrics`"),
        ("apiGroups: ['*'], outcomes: [Denied]", "any verb of any resource in `*`, outcome Denied"),
        (
            "apiGroups: [''], resources: [pods/exec], verbs: ['*'], namespaces: [kasten-io, '']",
            "any verb of pods/exec in the core group, namespaces `kasten-io`, none",
        ),
        ("users: [eve], actors: [jane]", "any verb of any resource in any group, by `eve`, `jane`"),
        (
            "userAgents: [curl], sourceIPs: [10.0.0.0/8], evidence: [Audited]",
            "any verb of any resource in any group, from `curl`, `10.0.0.0/8`, evidence Audited",
        ),
    ],
)
def test_a_rule_about_requests_says_where_by_whom_and_what_became_of_them(match: str, said: str) -> None:
    pack, problems = load_pack_text(f"{{name: s, version: '1', rules: [{{name: a, match: {{{match}}}}}]}}", "s.yaml")
    assert pack is not None
    assert problems == ()
    assert f"- Looks at: {said}" in render([pack]).splitlines()


def test_a_count_says_how_many_of_what_in_which_time() -> None:
    assert "- Looks at: 3 or more of gone within 60 s, per `target.namespace`" in _page().splitlines()


def test_a_building_block_is_named_as_one() -> None:
    assert _page().count("Makes no finding by itself") == 1
