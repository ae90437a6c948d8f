"""Several K10s in one cluster: each watch trusts the account of its own, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.detection.ownk10 import of_one_k10
from auditwatch.events.activity import Activity
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import EveryK10, InstalledK10

from .building import K10_ACCOUNT, altered, audited, change, detector

OTHER = K10Instance(name="other", namespace="other")
BOTH = EveryK10([K10Instance(), OTHER])
NOT_BY_K10 = """
- name: probe
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}
  where: [{noneOf: [[{field: actor.isK10, operator: Equals, values: ["true"]}]]}]
"""


def deletion(account: str, **fields: Any) -> Activity:
    user = {"username": account, "groups": ["system:serviceaccounts"]}
    return audited({"verb": "delete", "user": user, **fields}, k10=BOTH)


def told(row: Activity, k10: K10Instance, **source: Any) -> list[str]:
    made = detector(NOT_BY_K10, k10=InstalledK10(k10), **source)
    return [signal.rule for signal in made.observe(1, row)]


def test_what_a_k10_does_is_excepted_for_the_watch_that_names_it_alone() -> None:
    of_first, of_other = deletion(K10_ACCOUNT), deletion(OTHER.account)

    assert (of_first.actor.is_k10, of_other.actor.is_k10) == (True, True)
    assert (told(of_first, K10Instance()), told(of_first, OTHER)) == ([], ["probe"])
    assert (told(of_other, K10Instance()), told(of_other, OTHER)) == (["probe"], [])


def test_a_tenants_watch_tells_them_apart_before_identities_are_masked() -> None:
    row = deletion(OTHER.account)

    assert told(row, K10Instance(), tenant=row.target.namespace) == ["probe"]
    assert told(row, OTHER, tenant=row.target.namespace) == []


def test_another_k10_is_a_service_account_to_the_watch() -> None:
    seen = of_one_k10(deletion(OTHER.account), InstalledK10())

    assert (seen.actor.is_k10, seen.actor.kind, seen.actor.id) == (False, "ServiceAccount", OTHER.account)


def test_who_is_not_known_yet_stays_unknown_for_its_own_watch_and_is_not_k10_for_the_other() -> None:
    row = deletion(OTHER.account)
    unsure = altered(row, actor=type(row.actor)(id=OTHER.account, name=OTHER.account))

    assert of_one_k10(unsure, InstalledK10(OTHER)).actor.is_k10 is None
    assert of_one_k10(unsure, InstalledK10()).actor.is_k10 is False


@pytest.mark.parametrize("row", [change({}, None), deletion("mallory@example.com"), deletion(K10_ACCOUNT)])
def test_nobody_else_is_touched(row: Activity) -> None:
    assert of_one_k10(row, InstalledK10()) is row
