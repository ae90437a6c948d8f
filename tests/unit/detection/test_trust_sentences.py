"""The sentences about trust, each held against every way a request can come in: account, pod, token, person, agent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import msgspec
import pytest

from auditwatch.events.activity import Actor, Impersonator

from .building import CREDENTIAL, K10_ACCOUNT, POD, audited, signals

DASHBOARD = "dashboardbff-server/v0.0.0 (linux/amd64) kubernetes/$Format"
EXECUTOR = "executor-server/v0.0.0 (linux/amd64) kubernetes/$Format"
SOMEBODY = "system:serviceaccount:kasten-io:k10-k10x"
JANE = "jane@example.com"
PODS = {"": None, "k10-pod": True, "other-pod": False, "new-pod": None}


@dataclass(frozen=True)
class Pods:
    """K10's pods: one that is, one that is not, and one nobody has heard of yet."""

    are_named: bool = False

    def knows(self, uid: str, _at: float) -> bool | None:
        return PODS[uid]


@dataclass(frozen=True)
class Way:
    """One way in which a request can come."""

    user: str
    pod: str
    credential: str
    are_named: bool
    impersonated: str
    agent: str

    @property
    def is_account(self) -> bool:
        return self.user == K10_ACCOUNT

    @property
    def is_open(self) -> bool:
        """Whether K10's account is used from a pod that nobody has heard of yet."""
        return self.is_account and self.pod == "new-pod"

    @property
    def is_k10s_own(self) -> bool:
        """Whether the token belongs to a pod of K10's, or to none in a cluster that never says so."""
        if not self.is_account:
            return False
        return PODS[self.pod] is True if self.pod else not (self.credential or self.are_named)

    def actor(self, **fields: Any) -> Actor:
        extra = {key: [value] for key, value in ((POD, self.pod), (CREDENTIAL, self.credential)) if value}
        user = {"username": self.user, "groups": ["g"], "extra": extra}
        if self.impersonated:
            fields["impersonatedUser"] = {"username": self.impersonated, "groups": ["h"]}
        return audited(user=user, pods=Pods(are_named=self.are_named), userAgent=self.agent, **fields).actor


def every_way() -> Iterator[Way]:
    users, agents = ("eve", SOMEBODY, K10_ACCOUNT), (EXECUTOR, DASHBOARD)
    for fields in product(users, PODS, ("", "JTI=1"), (False, True), ("", JANE, K10_ACCOUNT), agents):
        yield Way(*fields)


WAYS = tuple(every_way())


def test_only_the_exact_account_in_a_pod_of_its_own_that_acts_for_nobody_is_k10() -> None:
    assert [way for way in WAYS if way.actor().is_k10 is True] == [
        way for way in WAYS if way.is_k10s_own and not way.impersonated and way.agent != DASHBOARD
    ]


def test_what_is_k10_is_of_its_kind_and_acts_internally_and_nothing_else_is_or_does() -> None:
    for way in WAYS:
        actor = way.actor()
        assert (actor.kind == "K10") is (actor.is_k10 is True), way
        assert (actor.via == "K10Internal") is (actor.is_k10 is True), way


def test_whether_it_is_k10_is_open_only_while_a_pod_is_unknown_and_nobody_is_impersonated() -> None:
    for way in WAYS:
        assert (way.actor().is_k10 is None) is (way.is_open and not way.impersonated), way


def test_kind_and_way_are_both_told_or_both_left_open() -> None:
    for way in WAYS:
        actor = way.actor()
        assert (actor.kind == "") is (actor.via == "") is way.is_open, way


def test_k10s_account_from_elsewhere_is_a_suspect_whomever_it_acts_as() -> None:
    for way in WAYS:
        if way.is_account and not way.is_open and not way.is_k10s_own:
            assert way.actor().kind == "K10Suspect", way


def test_who_takes_on_k10s_account_is_a_suspect_and_impersonates() -> None:
    for way in WAYS:
        if way.impersonated == K10_ACCOUNT and not way.is_open:
            actor = way.actor()
            assert (actor.kind, actor.via, actor.is_k10) == ("K10Suspect", "Impersonation", False), way


def test_a_person_is_behind_the_dashboard_only_where_k10_itself_acts_for_them() -> None:
    for way in WAYS:
        is_dashboard = way.is_k10s_own and way.impersonated == JANE
        assert (way.actor().via == "K10Dashboard") is is_dashboard, way


def test_the_dashboards_agent_can_take_trust_away_and_never_gives_any() -> None:
    for way in WAYS:
        if way.agent != DASHBOARD:
            continue
        actor = way.actor()
        assert actor.is_k10 is not True, way
        is_nobodys = way.is_k10s_own and not way.impersonated
        assert (actor.via == "UnattributedDashboard") is is_nobodys, way


def test_an_account_that_is_not_k10s_is_called_what_it_is_whatever_pod_it_comes_from() -> None:
    for way in WAYS:
        if not way.is_account and not way.impersonated:
            kind = "ServiceAccount" if way.user == SOMEBODY else "User"
            actor = way.actor()
            assert (actor.kind, actor.via, actor.is_k10) == (kind, "Direct", False), way


def test_who_authenticated_is_told_beside_whom_they_act_as_and_only_then() -> None:
    for way in WAYS:
        actor = way.actor()
        assert (actor.user, actor.user_groups) == (way.user, ("g",)), way
        expected = Impersonator(id=way.user, name=way.user, groups=("g",)) if way.impersonated else None
        assert actor.impersonator == expected, way
        assert actor.groups == (("h",) if way.impersonated else ("g",)), way
        assert actor.name == actor.id == (way.impersonated or way.user), way


def test_of_what_was_only_received_it_is_never_told_how_or_for_whom_it_was_asked() -> None:
    for way in WAYS:
        actor = way.actor(stage="RequestReceived", responseStatus=None)
        assert (actor.via, actor.impersonator) == ("", msgspec.UNSET), way
        assert actor.is_k10 is not True, way


def test_a_received_request_of_somebody_else_is_not_k10s_and_one_of_k10s_is_open() -> None:
    for way in WAYS:
        if way.impersonated:
            continue
        actor = way.actor(stage="RequestReceived", responseStatus=None)
        may_be = way.is_open or way.is_k10s_own
        assert actor.is_k10 is (None if may_be else False), way
        assert (actor.kind == "") is may_be, way


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ({"arn": ["arn:aws:sts::1:assumed-role/ops/jane"]}, "arn:aws:sts::1:assumed-role/ops/jane"),
        ({"arn": []}, "kubernetes-admin"),
        ({"arn": [""]}, "kubernetes-admin"),
        ({"ARN": ["arn:forged"]}, "kubernetes-admin"),
        ({"sessionName": ["jane"]}, "kubernetes-admin"),
        ({"arn": ["arn:first", "arn:second"]}, "arn:first"),
    ],
)
def test_the_session_of_a_cloud_names_the_person_where_the_authenticator_wrote_one(
    extra: dict[str, list[str]], name: str
) -> None:
    actor = audited(user={"username": "kubernetes-admin", "extra": extra}).actor

    assert (actor.id, actor.name) == (name, "kubernetes-admin")


def test_an_impersonator_with_a_session_of_a_cloud_is_named_by_it() -> None:
    arn = "arn:aws:sts::1:assumed-role/ops/jane"
    user = {"username": "kubernetes-admin", "extra": {"arn": [arn]}, "groups": ["ops"]}
    actor = audited(user=user, impersonatedUser={"username": "bob"}).actor

    assert actor.id == arn
    assert actor.impersonator == Impersonator(id=arn, name="kubernetes-admin", groups=("ops",))


@pytest.mark.parametrize("flaw", [{"user": {"username": 7}}, {"user": []}])
def test_of_an_event_whose_user_cannot_be_read_nothing_is_claimed_of_the_actor(flaw: dict[str, Any]) -> None:
    assert audited(flaw).actor == Actor()


@pytest.mark.parametrize(
    ("user", "kind"),
    [
        ("system:anonymous", "Anonymous"),
        ("system:anonymous2", "User"),
        ("system:serviceaccounts", "User"),
        ("system:serviceaccount:", "ServiceAccount"),
        ("system:node", "User"),
        ("system:kube-scheduler", "User"),
        ("", "Unauthenticated"),
    ],
)
@pytest.mark.parametrize("evidence", ["Audited", "K10Stream"])
def test_the_kind_of_an_account_is_that_of_its_exact_name(user: str, kind: str, evidence: str) -> None:
    assert audited(user={"username": user} if user else {}, evidence=evidence).actor.kind == kind


EXCEPTED = """
- name: probe
  severity: Low
  title: "{target.name}"
  match: {apiGroups: [config.kio.kasten.io], resources: [policies]}
  except:
  - {name: gitops, reason: reviewed, where: [{field: actor.id, operator: In, values: [eve]}]}
"""


@pytest.mark.parametrize(
    ("fields", "is_muted"),
    [
        ({}, True),
        ({"evidence": "K10Stream"}, False),
        ({"impersonatedUser": {"username": "eve"}, "user": {"username": "mallory"}}, False),
        ({"user": {"username": "eve2"}}, False),
        ({"stage": "RequestReceived", "responseStatus": None}, False),
    ],
    ids=["direct", "relayed", "impersonated", "another", "received"],
)
def test_an_exception_for_somebody_holds_where_it_is_proven_that_nobody_took_on_their_name(
    fields: dict[str, Any], *, is_muted: bool
) -> None:
    (signal,) = signals(EXCEPTED, audited(**fields))

    assert signal.emits_finding is not is_muted


def test_k10s_own_record_names_whose_rights_were_used_and_nothing_of_how_they_were_gained() -> None:
    extra = {CREDENTIAL: ["JTI=1"], POD: ["k10-pod"]}
    actor = audited(user={"username": "eve", "groups": ["dev"], "extra": extra}, evidence="K10Stream").actor

    assert actor == Actor(id="eve", name="eve", groups=("dev",), kind="User", is_k10=False)


def test_of_a_request_that_was_not_let_in_it_is_known_that_nobody_made_it() -> None:
    actor = audited(user={}, stage="ResponseStarted", responseStatus={"code": 401}).actor

    assert actor == Actor(
        kind="Unauthenticated", via="Direct", is_k10=False, user="", user_groups=(), impersonator=None
    )


def test_requests_of_different_people_are_different_whatever_else_they_share() -> None:
    keys = {
        audited(user=user).key
        for user in (
            {"username": "eve"},
            {"username": "bob"},
            {"username": "eve", "groups": ["dev"]},
            {"username": "eve", "extra": {CREDENTIAL: ["JTI=1"]}},
        )
    }

    assert len(keys) == 4
