"""Audit policies for rules about kinds that are watched in K10's namespaces, and about other namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditwatch.detection.auditpolicy import Question, answer, read_policy
from auditwatch.k10.view import InstalledK10
from auditwatch.scan.policies import checked, rendered
from auditwatch.scan.rules import Asked, Rules, rules_of

K10 = InstalledK10()
SCALED = """
- name: scaled
  match: {apiGroups: [apps], resources: [deployments, deployments/scale], verbs: [update, patch], evidence: [Audited]}
  where:
  - {field: target.namespace, operator: In, values: [PLACE]}
  - {field: object.spec.replicas, operator: ChangedTo, values: ["0"]}
- name: scaled-at-k10
  match: {apiGroups: [apps], resources: [deployments, deployments/scale], verbs: [update, patch]}
  where:
  - {field: target.namespace, operator: In, values: [kasten-io]}
  - {field: object.spec.replicas, operator: ChangedTo, values: ["0"]}
"""


def _rules(tmp_path: Path, text: str) -> Rules:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return rules_of(Asked(files=[file]), k10=K10, now=0.0)


@pytest.mark.parametrize(
    ("place", "levels"),
    [
        ("tower", ["Metadata", "Metadata", "RequestResponse", "RequestResponse"]),
        ("kasten-io", ["Metadata", "Metadata", "Metadata", "Metadata"]),
    ],
)
def test_the_content_is_logged_where_the_kind_is_not_watched_though_it_is_in_k10s_namespace(
    tmp_path: Path, place: str, levels: list[str]
) -> None:
    rules = _rules(tmp_path, SCALED.replace("PLACE", place)).rule_sets
    policy = read_policy(rendered(rules, K10))
    asked = [
        Question(verb="patch", group="apps", resource=resource, namespaces=(namespace,))
        for namespace in ("kasten-io", "tower")
        for resource in ("deployments", "deployments/scale")
    ]
    assert [answer(policy, question).decision.level for question in asked] == levels


@pytest.mark.parametrize(("place", "level"), [("tower", "Blind"), ("kasten-io", "Full")])
def test_without_content_a_rule_is_blind_where_nobody_watches_the_kind(tmp_path: Path, place: str, level: str) -> None:
    rules = SCALED.replace("PLACE", place).replace("[deployments, deployments/scale]", "[deployments]")
    policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n"
    found = {each.rule: each.visibility for each in checked(policy, _rules(tmp_path, rules).rule_sets, K10)}
    assert (found["scaled"].level, found["scaled-at-k10"].level) == (level, "Full")
