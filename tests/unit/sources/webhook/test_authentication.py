"""Who may post where: decided without asking anybody, and where the API server's word counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditwatch.cluster.token_review import ReviewedToken
from auditwatch.sources.webhook.authentication import (
    Accepted,
    Presented,
    Refused,
    ReviewNeeded,
    account_of,
    bearer,
    certificate_name,
    decide,
    digest,
    judge,
)
from auditwatch.sources.webhook.plan import Sender, TLSFiles, UnsafePlanError, WebhookPlan, check

BY_CERTIFICATE = Sender(source="s", instance="cp-1", certificate_name="kube-apiserver")
BY_TOKEN = Sender(source="s", instance="cp-1", token_file=Path("/token"))
BY_ACCOUNT = Sender(source="s", instance="cp-1", service_account="audit/agent")
BY_NODE = Sender(source="s", instance="*", service_account="audit/agent")
AGENT = "system:serviceaccount:audit:agent"


def test_the_certificate_configured_for_the_path_is_accepted() -> None:
    presented = Presented(certificate_name="kube-apiserver")

    assert decide(BY_CERTIFICATE, presented, token_digest=None) == Accepted("Certificate")


@pytest.mark.parametrize("name", ["kube-apiserver2", "Kube-apiserver", "kube-apiserver ", "mallory", "ü"])
def test_another_certificate_of_the_same_ca_is_known_and_has_no_business_here(name: str) -> None:
    verdict = decide(BY_CERTIFICATE, Presented(certificate_name=name), token_digest=None)

    assert isinstance(verdict, Refused)
    assert verdict.status == 403
    assert name in verdict.message


def test_the_token_in_the_file_is_accepted() -> None:
    assert decide(BY_TOKEN, Presented(token="secret"), token_digest=digest("secret")) == Accepted("TokenFile")


@pytest.mark.parametrize("token", ["", "secre", "secret2", "SECRET", "\udcff"])
def test_another_token_is_not_known(token: str) -> None:
    verdict = decide(BY_TOKEN, Presented(token=token), token_digest=digest("secret"))

    assert isinstance(verdict, Refused)
    assert verdict.status == 401


def test_a_token_file_that_cannot_be_read_admits_nobody() -> None:
    assert isinstance(decide(BY_TOKEN, Presented(token="x"), token_digest=None), Refused)
    assert isinstance(decide(BY_TOKEN, Presented(), token_digest=None), Refused)


def test_a_service_accounts_token_is_for_the_api_server_to_judge() -> None:
    assert decide(BY_ACCOUNT, Presented(token="t"), token_digest=None) == ReviewNeeded("t")
    assert isinstance(decide(BY_TOKEN, Presented(token="t"), token_digest=digest("u")), Refused), "none is configured"


def test_who_brings_nothing_is_told_what_the_path_takes() -> None:
    verdict = decide(BY_CERTIFICATE, Presented(), token_digest=None)

    assert verdict == Refused(401, "who are you? This path takes a client certificate")


def test_the_configured_account_may_post_and_no_other() -> None:
    assert judge(BY_ACCOUNT, "cp-1", ReviewedToken(username=AGENT)) == Accepted("ServiceAccount")
    for name in ("system:serviceaccount:other:agent", "agent", "audit/agent", f"{AGENT}:x", ""):
        verdict = judge(BY_ACCOUNT, "cp-1", ReviewedToken(username=name))
        assert isinstance(verdict, Refused)
        assert verdict.status == 403


def test_a_token_the_api_server_does_not_know_is_nobodys() -> None:
    verdict = judge(BY_ACCOUNT, "cp-1", None)

    assert isinstance(verdict, Refused)
    assert verdict.status == 401


def test_an_agent_may_post_for_its_own_node_only() -> None:
    assert judge(BY_NODE, "cp-1", ReviewedToken(username=AGENT, node="cp-1")) == Accepted("ServiceAccount")
    other = judge(BY_NODE, "cp-1", ReviewedToken(username=AGENT, node="cp-2"))
    unbound = judge(BY_NODE, "cp-1", ReviewedToken(username=AGENT))

    assert isinstance(other, Refused)
    assert isinstance(unbound, Refused)
    assert "cp-2" in other.message
    assert "names no node" in unbound.message


def test_only_a_service_account_has_an_account() -> None:
    assert account_of(AGENT) == "audit/agent"
    assert account_of("system:serviceaccount:a") == account_of("alice") == account_of("system:node:a:b") == ""


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer x", "x"), ("bearer  x ", "x"), ("Basic x", ""), ("", ""), ("Bearer", ""), ("x", "")],
)
def test_only_bearer_tokens_are_tokens(header: str, token: str) -> None:
    assert bearer(header) == token


def test_a_certificate_with_two_names_has_none() -> None:
    one = {"subject": ((("organizationName", "system:masters"),), (("commonName", "a"),))}
    two = {"subject": ((("commonName", "a"),), (("commonName", "b"),))}

    assert certificate_name(one) == "a"
    assert certificate_name(two) == certificate_name({}) == certificate_name(None) == ""


def _plan(*senders: Sender, accepts_forgeries: bool = False) -> WebhookPlan:
    return WebhookPlan(
        name="s",
        cluster="c",
        address="127.0.0.1",
        port=0,
        tls=TLSFiles(certificate=Path("/c"), key=Path("/k")),
        senders=senders,
        accepts_forgeries=accepts_forgeries,
    )


def test_a_source_that_asks_nothing_of_anybody_does_not_start_unless_that_was_said() -> None:
    anybody = Sender(source="s", instance="cp-1")

    with pytest.raises(UnsafePlanError, match=r"cp-1.*clientCertificateName"):
        check(_plan(BY_TOKEN, anybody))
    check(_plan(anybody, accepts_forgeries=True))
    assert decide(anybody, Presented(), token_digest=None) == Accepted("Nothing")


def test_a_source_nobody_could_post_to_does_not_start() -> None:
    with pytest.raises(UnsafePlanError, match="no instances"):
        check(_plan())
