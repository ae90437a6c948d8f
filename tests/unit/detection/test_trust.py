"""Trust: who acted, whether it was K10, and that nobody becomes K10 by saying so."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.detection.trust import AnyPod
from auditwatch.events.activity import Actor

from .building import CREDENTIAL, K10_ACCOUNT, POD, audited

DASHBOARD = "dashboardbff-server/v0.0.0 (linux/amd64) kubernetes/$Format"
JANE = {"username": "jane@example.com", "groups": ["backup-team"]}


class _Pods:
    """K10's pods: one that is, one that is not, and one nobody has heard of yet."""

    def __init__(self, *, are_named: bool = False) -> None:
        self.are_named = are_named

    def knows(self, uid: str, _at: float) -> bool | None:
        return {"k10-pod": True, "other-pod": False}.get(uid)


def _user(name: str = K10_ACCOUNT, **extra: str) -> dict[str, Any]:
    return {"username": name, "groups": ["g"], "extra": {key: [value] for key, value in extra.items()}}


def _k10(pod: str = "", credential: str = "") -> dict[str, Any]:
    return _user(**{key: value for key, value in ((POD, pod), (CREDENTIAL, credential)) if value})


def _actor(user: Any, *, pods: Any = None, **fields: Any) -> Actor:
    return audited(user=user, pods=pods or _Pods(), **fields).actor


def _said(actor: Actor) -> tuple[str, str, object]:
    return actor.kind, actor.via, actor.is_k10


def test_a_person_with_their_own_credentials_acts_directly() -> None:
    actor = _actor({"username": "eve", "groups": ["dev"]})
    assert _said(actor) == ("User", "Direct", False)
    assert (actor.id, actor.name, actor.groups) == ("eve", "eve", ("dev",))
    assert (actor.user, actor.user_groups, actor.impersonator) == ("eve", ("dev",), None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("system:serviceaccount:kasten-io:vbr-admin", "ServiceAccount"),
        ("system:node:worker-1", "Node"),
        ("system:anonymous", "Anonymous"),
        ("system:serviceaccount:kasten-io:k10-k10x", "ServiceAccount"),
    ],
)
def test_an_account_is_what_its_name_says(name: str, kind: str) -> None:
    assert _said(_actor({"username": name})) == (kind, "Direct", False)


def test_k10s_account_in_a_pod_of_k10s_is_k10() -> None:
    assert _said(_actor(_k10("k10-pod", "JTI=1"))) == ("K10", "K10Internal", True)


def test_k10s_account_in_another_pod_is_a_suspect() -> None:
    assert _said(_actor(_k10("other-pod", "JTI=1"))) == ("K10Suspect", "Direct", False)


def test_k10s_account_in_a_pod_nobody_knows_yet_is_neither() -> None:
    assert _said(_actor(_k10("new-pod", "JTI=1"))) == ("", "", None)


def test_a_token_of_k10s_that_belongs_to_no_pod_is_a_suspects() -> None:
    assert _said(_actor(_k10(credential="JTI=1"))) == ("K10Suspect", "Direct", False)


def test_a_cluster_that_says_nothing_of_tokens_is_believed_until_it_says_something() -> None:
    assert _said(_actor(_k10())) == ("K10", "K10Internal", True)
    assert _said(_actor(_k10(), pods=_Pods(are_named=True))) == ("K10Suspect", "Direct", False)


def test_without_a_list_of_pods_any_pod_is_believed() -> None:
    assert _said(_actor(_k10("whatever"), pods=AnyPod())) == ("K10", "K10Internal", True)


def test_the_dashboard_acts_for_the_person_it_impersonates() -> None:
    actor = _actor(_k10("k10-pod"), impersonatedUser=JANE, userAgent=DASHBOARD)
    assert _said(actor) == ("User", "K10Dashboard", False)
    assert (actor.id, actor.name, actor.groups) == ("jane@example.com", "jane@example.com", ("backup-team",))
    assert actor.user == K10_ACCOUNT
    assert isinstance(actor.impersonator, msgspec.Struct)
    assert actor.impersonator.name == K10_ACCOUNT


def test_the_dashboard_without_a_person_is_not_k10() -> None:
    assert _said(_actor(_k10("k10-pod"), userAgent=DASHBOARD)) == ("ServiceAccount", "UnattributedDashboard", False)


@pytest.mark.parametrize("pod", ["", "other-pod", "k10-pod"])
def test_whoever_impersonates_k10s_account_is_not_k10(pod: str) -> None:
    user = _k10(pod) if pod else {"username": "eve"}
    actor = _actor(user, impersonatedUser={"username": K10_ACCOUNT})
    assert _said(actor) == ("K10Suspect", "Impersonation", False)
    assert actor.id == K10_ACCOUNT


def test_a_pod_claimed_by_an_impersonator_counts_for_nothing() -> None:
    forged = {"username": K10_ACCOUNT, "extra": {POD: ["k10-pod"], CREDENTIAL: ["JTI=1"]}}
    actor = _actor({"username": "eve"}, impersonatedUser=forged)
    assert actor.is_k10 is False
    assert (actor.pod_uid, actor.credential_id) == (None, None)


def test_anybody_else_who_impersonates_is_named_beside_whom_they_act_as() -> None:
    actor = _actor({"username": "eve", "groups": ["dev"]}, impersonatedUser=JANE)
    assert _said(actor) == ("User", "Impersonation", False)
    assert isinstance(actor.impersonator, msgspec.Struct)
    assert (actor.impersonator.id, actor.impersonator.groups) == ("eve", ("dev",))


def test_a_stolen_token_of_k10s_does_not_become_the_dashboard_by_impersonating() -> None:
    assert _said(_actor(_k10(credential="JTI=1"), impersonatedUser=JANE)) == ("K10Suspect", "Impersonation", False)
    assert _said(_actor(_k10("new-pod"), impersonatedUser=JANE)) == ("", "", False)


def test_a_cloud_identity_names_the_person_better_than_the_cluster_does() -> None:
    arn = "arn:aws:sts::1234:assumed-role/admin/alice"
    assert _actor({"username": "admin", "extra": {"arn": [arn]}}).id == arn
    impersonated = _actor(_k10("k10-pod"), impersonatedUser={**JANE, "extra": {"arn": ["forged"]}})
    assert impersonated.id == "jane@example.com"


def test_of_a_request_nobody_authenticated_there_is_no_actor() -> None:
    actor = _actor({}, stage="ResponseStarted", responseStatus={"code": 401})
    assert _said(actor) == ("Unauthenticated", "Direct", False)
    assert (actor.id, actor.user) == ("", "")


def test_credential_and_pod_are_those_of_who_authenticated() -> None:
    extra = {
        CREDENTIAL: "JTI=7",
        POD: "k10-pod",
        "authentication.kubernetes.io/pod-name": "catalog-0",
        "authentication.kubernetes.io/node-name": "worker-1",
    }
    actor = _actor(_user(**extra))
    assert (actor.credential_id, actor.pod_uid) == ("JTI=7", "k10-pod")
    assert (actor.pod, actor.node) == ("catalog-0", "worker-1")


def test_k10s_own_record_tells_neither_who_impersonated_nor_that_it_was_k10() -> None:
    relayed = _actor(_k10("k10-pod"), evidence="K10Stream")
    assert _said(relayed) == ("", "", None)
    assert relayed.impersonator is msgspec.UNSET
    assert relayed.credential_id is msgspec.UNSET
    assert _said(_actor({"username": "eve"}, evidence="K10Stream")) == ("User", "", False)


RECEIVED: dict[str, Any] = {"stage": "RequestReceived", "responseStatus": None}


@pytest.mark.parametrize("agent", ["executor-server/v1", DASHBOARD])
def test_a_request_that_k10_began_may_be_somebody_elses_wish(agent: str) -> None:
    actor = _actor(_k10("k10-pod"), userAgent=agent, **RECEIVED)
    assert _said(actor) == ("", "", None)
    assert actor.impersonator is msgspec.UNSET
    assert actor.user == K10_ACCOUNT


def test_of_a_request_that_was_only_received_it_is_open_how_somebody_acts_and_not_who_began_it() -> None:
    actor = _actor({"username": "eve"}, **RECEIVED)
    assert _said(actor) == ("User", "", False)
    assert actor.id == "eve"
    assert _said(_actor(_k10("other-pod"), **RECEIVED)) == ("K10Suspect", "", False)
