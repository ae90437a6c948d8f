"""Needles: what must be in the bytes of an event a rule may match; too much is allowed, missing one is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditwatch.detection.audited import Circumstances, activity_of
from auditwatch.detection.compile import RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.needles import MAX_NEEDLES, needles_of, without_needle
from auditwatch.detection.trust import AnyPod
from auditwatch.events.decode import decode
from auditwatch.events.needles import Needle
from auditwatch.events.prefilter import Prefilter
from auditwatch.events.records import record_of
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10

from .building import K10, K10_ACCOUNT, REDACTOR, rule_set

CONFIG = '"apiGroup":"config.kio.kasten.io"'
POLICIES = '"resource":"policies"'
SECRETS = '"resource":"secrets"'
DELETED = "apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete, deletecollection]"
PATCHED = "apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [patch]"


def _needles(match: str, others: str = "", **source: Any) -> set[tuple[str, ...]] | None:
    found = rule_set(f"[{{name: a, match: {{{match}}}{others}}}]", **source).rules["a"].needles
    return None if found is None else {needle.literals for needle in found}


@pytest.mark.parametrize(
    ("match", "needles"),
    [
        ("apiGroups: [config.kio.kasten.io]", {(CONFIG,)}),
        ("apiGroups: [config.kio.kasten.io], resources: [policies]", {(CONFIG, POLICIES)}),
        ('apiGroups: [""], resources: [secrets]', {(SECRETS,)}),
        ('apiGroups: [""], resources: [secrets], namespaces: [kasten-io]', {('"namespace":"kasten-io"', SECRETS)}),
        ('apiGroups: [""], resources: [pods/exec]', {('"subresource":"exec"',)}),
        ('apiGroups: ["*"], resources: ["*/scale"]', {('"subresource":"scale"',)}),
        ('apiGroups: ["*.kio.kasten.io"]', {('.kio.kasten.io"',)}),
        ('apiGroups: ["config.*"]', {('"apiGroup":"config.',)}),
        (f"{PATCHED}, names: [daily]", {('"name":"daily"', CONFIG)}),
        ("apiGroups: [''], resources: [jobs], names: [x], verbs: [create]", {('"name":"x"', '"resource":"jobs"')}),
        ("names: [daily]", {('"name":"daily"',), ('"verb":"deletecollection"',)}),
        ("names: [daily], verbs: [delete]", {('"name":"daily"',)}),
        (f"{DELETED}, names: [daily]", {('"name":"daily"', CONFIG), ('"verb":"deletecollection"', CONFIG)}),
        (f"{DELETED}, names: ['*']", {(CONFIG, POLICIES)}),
        ("apiGroups: [''], resources: [jobs], names: ['x*'], verbs: ['*']", {
            ('"name":"x', '"resource":"jobs"'), ('"verb":"deletecollection"', '"resource":"jobs"')}),
        ("serviceAccounts: [a/b]", {('"username":"system:serviceaccount:a:b"',)}),
        ("users: ['n:*'], outcomes: [Denied]", {('"username":"n:', c) for c in ('"code":401', '"code":403')}),
        ("actors: [jane]", {('"jane"',)}),
        ("userGroups: ['system:masters']", {('"system:masters"',)}),
        ("users: ['a\"b']", {(r'"username":"a\"b"',)}),
    ],
)  # fmt: skip
def test_a_needle_is_of_what_the_server_writes(match: str, needles: set[tuple[str, ...]]) -> None:
    assert _needles(match) == needles


@pytest.mark.parametrize(
    "match",
    [
        "nonResourceURLs: [/metrics]",
        "userAgents: [curl]",
        "sourceIPs: [10.0.0.0/8]",
        'apiGroups: ["*"]',
        'apiGroups: ["*"], resources: ["*"]',
        'namespaces: ["*"]',
        'apiGroups: ["", apps]',
        'names: ["*"]',
        'users: ["a\\u0001b"]',
    ],
)
def test_a_rule_of_which_nothing_is_certain_reads_everything_and_is_named(match: str) -> None:
    assert _needles(match) is None
    rules = rule_set(f"[{{name: blunt, match: {{{match}}}}}, {{name: sharp, match: {{{PATCHED}}}}}]")
    assert without_needle(rules) == ("blunt",)
    assert needles_of([rules]).reads_everything


def test_rules_that_match_without_an_event_need_one_to_say_who_it_was_and_nothing_more() -> None:
    assert _needles(f"{PATCHED}, evidence: [State]") == {(CONFIG, POLICIES)}
    assert _needles("userAgents: [x], evidence: [State]") == set()
    assert _needles("userAgents: [x], evidence: [State, Audited]") is None


def test_stories_need_none() -> None:
    counting = "type: eventCount, of: [{rule: a}], timespanSeconds: 60, conditions: [{gte: 2}]"
    rules = rule_set(f"[{{name: a, match: {{{PATCHED}}}}}, {{name: s, correlate: {{{counting}}}}}]")
    assert rules.rules["s"].needles == frozenset()
    assert not needles_of([rules]).reads_everything


def test_tests_and_macros_of_the_where_narrow_what_is_read() -> None:
    match = 'apiGroups: [""], resources: [secrets], verbs: [get]'
    where = ", where: [{field: target.namespace, operator: In, values: [a, b]}]"
    assert _needles(match, where) == {('"namespace":"a"', SECRETS), ('"namespace":"b"', SECRETS)}
    where = ", where: [{field: target.name, operator: StartsWith, values: [k10-]}]"
    assert _needles(match, where) == {('"name":"k10-', SECRETS)}


@pytest.mark.parametrize(
    "test",
    [
        "operator: NotIn, values: [a]",
        "operator: In, values: ['60m', b]",
        "operator: Exists",
        "operator: In, valueFrom: actor.id",
        "operator: Matches, values: [a]",
    ],
)
def test_tests_that_leave_the_object_open_narrow_nothing(test: str) -> None:
    match = 'apiGroups: [""], resources: [secrets]'
    assert _needles(match, f", where: [{{field: target.namespace, {test}}}]") == {(SECRETS,)}


def test_who_it_was_narrows_what_is_read_where_a_test_says_so() -> None:
    account = "values: ['system:serviceaccount:kasten-io:k10-k10']"
    where = f", where: [{{field: event.user.username, operator: In, {account}}}]"
    assert _needles('users: ["system:*"]', where) == {
        ('"username":"system:serviceaccount:kasten-io:k10-k10"', '"username":"system:')
    }
    where = f", where: [{{field: actor.name, operator: In, {account}}}]"
    assert _needles('users: ["*"]', where) == {('"system:serviceaccount:kasten-io:k10-k10"',)}
    assert _needles('users: ["*"]', f"{where}, onUnknown: {{severity: Low}}") is None


def test_a_rule_about_reads_alone_reads_nothing_else() -> None:
    match = 'apiGroups: [""], resources: [secrets], verbs: [list, watch]'
    assert _needles(match) == {(SECRETS, '"verb":"list"'), (SECRETS, '"verb":"watch"')}


@pytest.mark.parametrize(
    ("resource", "verbs"), [("secrets", "get, delete"), ("secrets", "update"), ("pods/exec", "get"), ("'*/*'", "get")]
)
def test_the_verb_is_left_open_where_another_may_tell_what_was_before_or_be_the_same(resource: str, verbs: str) -> None:
    found = _needles(f"namespaces: [a], apiGroups: [''], resources: [{resource}], verbs: [{verbs}]")
    assert found is not None
    assert not [literal for literals in found for literal in literals if "verb" in literal]


def test_who_authenticated_is_not_certain_where_unknown_matches() -> None:
    assert _needles("users: [eve]", ", onUnknown: {severity: Low}") is None


def test_too_many_alternatives_are_looked_for_by_one_literal() -> None:
    names = [f"n{number}" for number in range(30)]
    found = _needles(f"{PATCHED}, names: {json.dumps(names)}, namespaces: [a, b, c]")
    assert found is not None
    assert len(found) <= MAX_NEEDLES
    assert {literals[0] for literals in found} == {f'"name":"{name}"' for name in names}


def test_groups_are_those_of_the_cluster() -> None:
    rules, _ = compile_watch(
        RuleSource(watch="t/w", rules=[("r", {"name": "a", "match": {"apiGroups": ["config.kio.kasten.io"]}})]),
        k10=InstalledK10(K10Instance(api_domain="kio.backup")),
        now=0.0,
    )
    assert needles_of([rules]).needles == {Needle(('"apiGroup":"config.kio.backup"',))}


def test_others_who_have_to_see_events_are_heard() -> None:
    needle = Needle(('"resource":"namespaces"',))
    assert needles_of([], also=[needle]).needles == {needle}
    assert needles_of([]).needles == frozenset()


WORDS = [
    "",
    "a",
    "eve",
    "daily",
    "kasten-io",
    "policies",
    "secrets",
    "pods",
    "config.kio.kasten.io",
    "a<b>&c",
    'q"\\',
    "é",
    K10_ACCOUNT,
]
PATTERNS = [*(word for word in WORDS), "*", "k*", "*.kio.kasten.io", "?ve", "*ai*", "system:serviceaccount:*"]
some = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True)
RESOURCES = ["policies", "secrets", "pods", "pods/exec", "*", "*/exec", "*/*", "po*"]
CODES = [0, 101, 200, 401, 403, 404, 500]


@st.composite
def _rules(draw: Any) -> dict[str, Any]:
    match: dict[str, Any] = {"outcomes": draw(st.sampled_from([["Any"], ["Denied"], ["Succeeded", "Unknown"]]))}
    lists = ("names", "namespaces", "users", "userGroups", "actors", "actorGroups", "serviceAccounts", "userAgents")
    for name in draw(st.lists(st.sampled_from(lists), max_size=2, unique=True)):
        match[name] = draw(some)
    if draw(st.booleans()) or len(match) == 1:
        match["apiGroups"] = draw(some)
        if draw(st.booleans()):
            match["resources"] = draw(st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2, unique=True))
    if draw(st.booleans()):
        verbs = [["get"], ["create"], ["patch", "delete"], ["delete", "deletecollection"], ["deletecollection"], ["*"]]
        match["verbs"] = draw(st.sampled_from(verbs))
    rule: dict[str, Any] = {"name": "a", "match": match}
    if draw(st.booleans()):
        fields = ["target.namespace", "target.name", "target.names", "target.group", "actor.id"]
        field = draw(st.sampled_from(fields))
        operator = draw(st.sampled_from(["Equals", "In", "Glob", "StartsWith", "NotIn"]))
        values = draw(some)[: 1 if operator == "Equals" else None]
        rule["where"] = [{"field": field, "operator": operator, "values": values}]
    if draw(st.booleans()):
        rule["onUnknown"] = {"severity": "Low"}
    return rule


word = st.sampled_from(WORDS)
user = st.fixed_dictionaries(
    {"username": word, "groups": st.lists(word, max_size=2)},
    optional={"extra": st.fixed_dictionaries({"arn": st.lists(word, min_size=1, max_size=1)})},
)
reference = st.fixed_dictionaries(
    {"resource": st.sampled_from(["policies", "secrets", "pods"])},
    optional={"namespace": word, "name": word, "apiGroup": word, "subresource": st.sampled_from(["exec", "log"])},
)
events = st.fixed_dictionaries(
    {
        "level": st.just("RequestResponse"),
        "auditID": st.just("1"),
        "stage": st.sampled_from(["ResponseComplete", "ResponseStarted", "Panic"]),
        "verb": st.sampled_from(["get", "create", "patch", "delete", "deletecollection"]),
        "user": user | st.just({}),
        "userAgent": word,
        "responseStatus": st.fixed_dictionaries({"code": st.sampled_from(CODES)}),
    },
    optional={
        "objectRef": reference,
        "impersonatedUser": user,
        "requestURI": st.sampled_from(["/a", "/a?fieldSelector=metadata.name%3Ddaily", "/a?fieldSelector=x"]),
        "responseObject": st.fixed_dictionaries(
            {"metadata": st.fixed_dictionaries({"name": word})},
            optional={"items": st.lists(st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"name": word})}))},
        ),
    },
)


def _as_go_writes(event: dict[str, Any]) -> bytes:
    """Compact, what is empty left out, and three characters escaped that JSON would not."""
    kept = {
        key: {inner: value for inner, value in part.items() if value != ""} if isinstance(part, dict) else part
        for key, part in event.items()
    }
    text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
    for character, escaped in (("<", r"\u003c"), (">", r"\u003e"), ("&", r"\u0026")):
        text = text.replace(character, escaped)
    return text.encode()


def _says_something(rules: RuleSet, raw: bytes, evidence: Any) -> bool:
    record = record_of(decode(raw), cluster="c", source="s", evidence=evidence, received=1.0, redactor=REDACTOR)
    made = Detector()
    made.install(rules, in_force_from={})
    return bool(made.observe(1, activity_of(record, Circumstances(k10=K10, pods=AnyPod()))))


BY_ARN = {
    "level": "Metadata",
    "auditID": "1",
    "stage": "ResponseComplete",
    "verb": "get",
    "user": {"username": "a", "extra": {"arn": ["arn:aws:iam::1:user/eve"]}},
    "objectRef": {"resource": "pods", "namespace": "60m"},
    "responseStatus": {"code": 200},
}


DELETING = {
    "level": "Metadata",
    "auditID": "1",
    "stage": "ResponseComplete",
    "verb": "deletecollection",
    "user": {"username": "eve"},
    "objectRef": {"resource": "policies", "namespace": "kasten-io", "apiGroup": "config.kio.kasten.io"},
    "responseStatus": {"code": 200},
}


@settings(max_examples=400)
@example({"name": "a", "match": {"names": ["daily"]}}, DELETING, "Audited")
@example({"name": "a", "match": {"names": ["daily"], "verbs": ["deletecollection"]}}, DELETING, "K10Stream")
@example(
    {"name": "a", "match": {"names": ["daily"], "namespaces": ["kasten-io"], "users": ["eve"]}}, DELETING, "Audited"
)
@given(_rules(), events, st.sampled_from(["Audited", "K10Stream"]))
@example({"name": "a", "match": {"users": ["eve"]}, "onUnknown": {"severity": "Low"}}, BY_ARN, "K10Stream")
@example({"name": "a", "match": {"actors": ["arn:*eve"]}}, BY_ARN, "Audited")
@example(
    {
        "name": "a",
        "match": {"apiGroups": [""], "resources": ["pods"]},
        "where": [{"field": "target.namespace", "operator": "In", "values": ["1h"]}],
    },
    BY_ARN,
    "Audited",
)
@example(
    {
        "name": "a",
        "match": {"users": ["*"], "verbs": ["get", "list"]},
        "where": [{"field": "actor.name", "operator": "In", "values": ["a"]}],
    },
    BY_ARN,
    "K10Stream",
)
@example(
    {
        "name": "a",
        "match": {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        "where": [{"field": "event.user.username", "operator": "StartsWith", "values": ["a"]}],
    },
    BY_ARN,
    "Audited",
)
def test_an_event_a_rule_speaks_of_is_never_missed(rule: dict[str, Any], event: dict[str, Any], evidence: str) -> None:
    rules, problems = compile_watch(RuleSource(watch="t/w", rules=[("r", rule)]), k10=K10, now=0.0)
    assert problems == ()
    raw = _as_go_writes(event)
    if _says_something(rules, raw, evidence):
        assert Prefilter(needles_of([rules])).selects(raw)
