"""What holds for every body and every stranger: hypothesis looks for the one for which it does not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from auditwatch.cluster.token_review import ReviewedToken, answer
from auditwatch.events.prefilter import Prefilter
from auditwatch.events.redaction import Redactor
from auditwatch.sources.webhook.authentication import (
    Accepted,
    Presented,
    ReviewNeeded,
    account_of,
    bearer,
    decide,
    digest,
    judge,
)
from auditwatch.sources.webhook.claims import claims_of, implausible
from auditwatch.sources.webhook.paths import PREFIX, Place, place_of
from auditwatch.sources.webhook.plan import Sender
from auditwatch.sources.webhook.reading import BodyReader, Origin, Slice, stage_time
from tests.unit.sources.webhook.making import EVERYTHING, POLICIES, compact, event, event_list

ORIGIN = Origin(cluster="prod", source="s", instance="i", received=1.0)
TEXTS = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)
HOSTILE = st.sampled_from(
    [
        b'{"level":5}',
        b'{"level":"Metadata","auditID":{}}',
        compact(event(7)).replace(b"mallory", b"\xff\xfe"),
        compact(event(7)).replace(b"mallory", rb"\udc00"),
        compact(event(7)).replace(b'"code":200', b'"code":' + b"9" * 400),
        compact(event(7)).replace(b'"code":200', b'"code":1e99999'),
        compact(event(7)).replace(b'{"code":200}', b"[" * 1_500 + b"]" * 1_500),
        b"null",
        b'"text with }, {"',
    ]
)


def read(body: bytes, *, everything: bool = True) -> Slice:
    """The whole body as one slice."""
    reader = BodyReader(
        body,
        origin=ORIGIN,
        prefilter=Prefilter(EVERYTHING if everything else POLICIES),
        redactor=Redactor(b"key"),
        body_limit=1_000_000,
    )
    whole = reader.next_slice(seconds=60)
    assert whole.is_last
    return whole


def names(part: Slice) -> list[str]:
    return [json.loads(row.payload)["event"]["objectRef"]["name"] for row in part.rows if b'"objectRef"' in row.payload]


@given(st.lists(HOSTILE, max_size=4), st.lists(HOSTILE, max_size=4))
def test_an_event_among_any_hostile_items_arrives(before: list[bytes], after: list[bytes]) -> None:
    part = read(event_list(*before, event(1), *after))

    assert names(part).count("p1") == 1
    assert part.items == len(before) + 1 + len(after)
    assert len(part.rows) + sum(part.undecodable.values()) == part.items


@given(JSON, JSON)
def test_whatever_a_client_sends_is_a_body_of_one_event(sent: Any, answered: Any) -> None:
    part = read(event_list(event(1, requestObject=sent, responseObject=answered), event(2)))

    assert names(part) == ["p1", "p2"]
    assert part.undecodable == {}


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error(body: bytes) -> None:
    part = read(body)

    assert part.undecodable["InternalError"] == 0
    assert len(part.rows) + sum(part.undecodable.values()) == part.items


@given(st.lists(st.sampled_from(["policies", "leases", "pods"]), max_size=30))
def test_the_prefilter_selects_what_it_would_select_one_by_one(resources: list[str]) -> None:
    items = [event(number, resource=resource) for number, resource in enumerate(resources)]

    part = read(event_list(*items), everything=False)

    assert names(part) == [f"p{number}" for number, resource in enumerate(resources) if resource == "policies"]
    assert part.items == len(resources)


@given(st.binary(max_size=100))
def test_no_bytes_have_a_time_that_cannot_be_told(item: bytes) -> None:
    stage_time(b'"stageTimestamp":"' + item)


@given(st.text(max_size=60))
def test_every_path_that_is_one_is_written_in_one_way(path: str) -> None:
    for each in (path, PREFIX + path):
        place = place_of(each)
        if isinstance(place, Place):
            assert each == f"{PREFIX}{place.source}/{place.instance}{'/needles' if place.wants_needles else ''}"


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_nobody_gets_in_with_anything_but_the_credential(name: str, token: str, secret: str) -> None:
    sender = Sender(source="s", instance="i", certificate_name="kube-apiserver", service_account="")
    verdict = decide(sender, Presented(certificate_name=name, token=token), token_digest=digest(secret))

    assert isinstance(verdict, Accepted) == (name == "kube-apiserver" or (bool(token) and token == secret))


@given(st.text(max_size=60), st.text(max_size=20))
def test_only_the_accounts_own_name_is_judged_to_be_it(username: str, node: str) -> None:
    sender = Sender(source="s", instance="*", service_account="audit/agent")
    verdict = judge(sender, "node-1", ReviewedToken(username=username, node=node))

    assert isinstance(verdict, Accepted) == (username == "system:serviceaccount:audit:agent" and node == "node-1")


@given(st.text(max_size=60))
def test_no_header_and_no_token_is_an_error(text: str) -> None:
    bearer(text)
    claims_of(text)
    claims_of(f"a.{text}.c")
    account_of(text)
    assert implausible(text, account="audit/agent", audience="k10-auditwatch", now=0.0)


@given(st.text(max_size=20))
def test_a_token_without_an_account_to_be_of_is_never_reviewed(token: str) -> None:
    sender = Sender(source="s", instance="i", certificate_name="x")

    assert not isinstance(decide(sender, Presented(token=token), token_digest=None), ReviewNeeded)


@given(st.dictionaries(st.sampled_from(["authenticated", "audiences", "user", "error"]), st.none() | st.booleans()))
def test_no_answer_of_an_api_server_is_a_yes_by_accident(status: dict[str, Any]) -> None:
    assert answer({"status": status}, audience="k10-auditwatch") is None
