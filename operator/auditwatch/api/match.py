"""Which requests and changes a match rule looks at: the part the engine can index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from auditwatch.api.model import Flaw, Model, Raw, Validation, given
from auditwatch.api.vocabulary import EVIDENCE, OUTCOME, Evidence, Outcome, Verb, explained

_Words = Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(min_length=1, max_length=32)]
_Groups = Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(min_length=1, max_length=16)]
_Resources = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=63)], ...], Field(min_length=1, max_length=16)
]

_SELECTORS = (
    "apiGroups", "resources", "names", "namespaces", "users", "userGroups", "actors", "actorGroups",
    "serviceAccounts", "userAgents", "sourceIPs", "nonResourceURLs",
)  # fmt: skip

_VALIDATIONS = (
    Validation("!has(self.verbs) || !('*' in self.verbs) || size(self.verbs) == "
               "1", "'*' must be the only "
                                                                                    "verb", ".verbs"),
    Validation(
        " || ".join(f"has(self.{name})" for name in _SELECTORS),
        "say what to look at: set apiGroups and resources, or another of the lists",
    ),
    Validation("!has(self.resources) || "
               "has(self.apiGroups)", 'resources need apiGroups: "" is the core '
                                                              'group', ".resources"),
    Validation(
        "!has(self.nonResourceURLs) || !has(self.apiGroups)",
        "a request is for a resource or for a URL: remove apiGroups or nonResourceURLs",
        ".nonResourceURLs",
    ),
    Validation(
        "!has(self.outcomes) || !('Any' in self.outcomes) || size(self.outcomes) == 1",
        "'Any' must be the only outcome",
        ".outcomes",
    ),
)  # fmt: skip


DEFAULT_OUTCOMES: tuple[Outcome, ...] = ("Succeeded", "Unknown")
"""Outcomes a rule looks at where it does not say."""


class Match(Model):
    """Every list that is given must have an item that fits; within one list any item will do."""

    distinct: ClassVar[tuple[str, ...]] = ("apiGroups", "resources", "verbs", "outcomes", "evidence")
    validations: ClassVar[tuple[Validation, ...]] = _VALIDATIONS

    api_groups: _Groups | None = Field(
        default=None,
        description='API groups, e.g. config.kio.kasten.io; "" is the core group. Write K10\'s groups with '
        "kio.kasten.io: "
        "the domain of the K10 that is watched is put in its place.",
    )
    resources: _Resources | None = Field(
        default=None, description='Resources in the plural, e.g. policies; subresources as "pods/exec" or "*/status".'
    )
    verbs: Annotated[tuple[Verb, ...], Field(min_length=1, max_length=12)] | None = Field(
        default=None,
        description="Request verbs as audit logs write them; absent = all. create, update, patch and delete "
        "change one object; "
        "deletecollection removes many; get, list and watch read; head, post, put and options occur on URLs that "
        "are no "
        "resources; * = all. What is seen as a difference between two states of an object counts as create, "
        "update (which "
        "patch also fits) or delete. An update or patch that made its object, as applying may, counts as create and "
        "as nothing else. Of exec, attach and portforward get and create are the same: the client's "
        "protocol decides which it is.",
    )
    names: _Words | None = Field(default=None, description="Object names; * and ? are wildcards.")
    namespaces: _Words | None = Field(
        default=None, description='Namespaces; * and ? are wildcards, "" is a cluster-scoped object.'
    )
    users: _Words | None = Field(default=None, description="User names that authenticated; * and ? are wildcards.")
    user_groups: _Words | None = Field(default=None, description="Groups of the user that authenticated.")
    actors: _Words | None = Field(
        default=None, description="Who really acted: the impersonated person, else the user; * and ? are wildcards."
    )
    actor_groups: _Words | None = Field(default=None, description="Groups of who really acted.")
    service_accounts: _Words | None = Field(
        default=None, description="Service accounts that authenticated, as namespace/name; * and ? are wildcards."
    )
    user_agents: _Words | None = Field(
        default=None, description="User agents, which clients choose freely; * and ? are wildcards."
    )
    source_ips: _Words | None = Field(default=None, alias="sourceIPs", description="Networks of the client, as CIDR.")
    non_resource_urls: _Words | None = Field(
        default=None,
        alias="nonResourceURLs",
        description="Paths that are no resources, e.g. /metrics; * is a wildcard.",
    )
    outcomes: Annotated[tuple[Outcome, ...], Field(min_length=1, max_length=6)] = Field(
        default=DEFAULT_OUTCOMES, description=explained("What became of the request. Values:", OUTCOME)
    )
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1, max_length=3)] | None = Field(
        default=None,
        description=explained("Which kinds of evidence may feed the rule; absent = all. Values:", EVIDENCE),
    )

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """The CEL above, in Python."""
        verb, anything, groups, urls, outcome = (validation.message for validation in _VALIDATIONS)
        if _mixed(raw.get("verbs"), "*"):
            yield Flaw(("verbs",), verb)
        if not any(given(raw, name) for name in _SELECTORS):
            yield Flaw((), anything)
        if given(raw, "resources") and not given(raw, "apiGroups"):
            yield Flaw(("resources",), groups)
        if given(raw, "nonResourceURLs") and given(raw, "apiGroups"):
            yield Flaw(("nonResourceURLs",), urls)
        if _mixed(raw.get("outcomes"), "Any"):
            yield Flaw(("outcomes",), outcome)


def _mixed(values: object, everything: str) -> bool:
    return isinstance(values, list | tuple) and everything in values and len(values) > 1
