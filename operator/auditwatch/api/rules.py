"""One rule, as people write it: in an AuditWatch, in a pack, in a file for `auditwatch test`.

The schema holds what the engine does and nothing more. Kinds to come (further stories, state rules, CEL) are new
optional fields beside these; nothing here is renamed for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from auditwatch.api.correlate import Correlate
from auditwatch.api.exceptions import RuleException
from auditwatch.api.match import Match
from auditwatch.api.model import Flaw, Int, Model, Name, Path, Raw, Validation, given
from auditwatch.api.ruletests import RuleTest
from auditwatch.api.vocabulary import CONFIDENCE, EMIT, SEVERITY, Confidence, Emit, Severity, explained
from auditwatch.api.where import Where

Title = Annotated[str, Field(min_length=1, max_length=256)]
_TEMPLATE = "{field} puts a field's value in, escaped and cut"

DEFAULT_GROUP_BY = ("target.resource", "target.namespace", "target.name")
"""What a match rule's findings are grouped by where the rule does not say."""

_ONE_KIND = Validation(
    "has(self.match) != has(self.correlate)", "a rule is one kind: set exactly one of match and correlate"
)
_NEEDS_MATCH = Validation(
    "!has(self.correlate) || !has(self.where) && !has(self.onUnknown) && "
    "!(has(self.settleSeconds) && self.settleSeconds > 0)",
    "where, onUnknown and settleSeconds belong to match: move them to the rules that are counted",
)


class SeverityCase(Model):
    """A circumstance that raises the severity."""

    severity: Severity = Field(description=explained("The severity then; never lowers it. Values:", SEVERITY))
    where: Where = Field(description="All of these must hold; an unknown one does not.")


class OnUnknown(Model):
    """What a rule says when it cannot tell."""

    severity: Severity = Field(default="Low", description=explained("Severity of such a finding. Values:", SEVERITY))
    title: Title | None = Field(default=None, description=f"Title of such a finding; absent = the rule's. {_TEMPLATE}.")


class FindingOptions(Model):
    """How matches become findings."""

    distinct: ClassVar[tuple[str, ...]] = ("groupBy",)

    group_by: Annotated[tuple[Path, ...], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Fields whose values together make one finding; absent = target.resource, target.namespace, "
        "target.name, "
        "and for a story its correlate.groupBy.",
    )


class Rule(Model):
    """A named detection: a match rule (match and where) or a story (correlate)."""

    keyed: ClassVar[Mapping[str, str]] = {"except": "name", "tests": "name"}
    distinct: ClassVar[tuple[str, ...]] = ("tags", "attack", "replaces", "requiresFields")
    validations: ClassVar[tuple[Validation, ...]] = (_ONE_KIND, _NEEDS_MATCH)
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("match",), ("correlate",))

    name: Name = Field(description="Kebab-case name; API: never used again for something else.")
    title: Title | None = Field(
        default=None,
        description=f'Title of its findings, e.g. "{{actor.id}} deleted {{target.name}}"; {_TEMPLATE}. Absent = '
        f"made of rule and target.",
    )
    description: Annotated[str, Field(max_length=2048)] = Field(
        default="", description=f"What happened and why it matters, for who reads the finding; {_TEMPLATE}."
    )
    severity: Severity = Field(
        default="Medium", description=explained("How soon somebody must look. Values:", SEVERITY)
    )
    severity_when: Annotated[tuple[SeverityCase, ...], Field(max_length=8)] = Field(
        default=(), description="Circumstances that raise the severity; the first that holds counts."
    )
    confidence: Confidence = Field(
        default="Medium", description=explained("How sure a match means trouble. Values:", CONFIDENCE)
    )
    emit: Emit = Field(default="Finding", description=explained("What a match makes. Values:", EMIT))
    tags: Annotated[tuple[Name, ...], Field(max_length=16)] = Field(
        default=(), description="Kebab-case words by which stories and people pick rules."
    )
    attack: Annotated[
        tuple[Annotated[str, Field(max_length=16, pattern=r"^T[0-9]{4}(\.[0-9]{3})?$")], ...], Field(max_length=8)
    ] = Field(default=(), description="MITRE ATT&CK techniques, e.g. T1490.")
    runbook: Annotated[str, Field(max_length=512)] = Field(
        default="", description="Name of the runbook page that says what to do, or an https address."
    )
    remediation: Annotated[str, Field(max_length=2048)] = Field(
        default="", description="First steps, in a few sentences; copied to the finding."
    )
    replaces: Annotated[tuple[Name, ...], Field(max_length=8)] = Field(
        default=(), description="Former names of this rule: overrides and findings under them go on."
    )
    match: Match | None = Field(default=None, description="Which requests and changes are looked at.")
    where: Where | None = Field(default=None, description="What must hold for a match: all of these.")
    on_unknown: OnUnknown | None = Field(
        default=None,
        description="Makes a finding also where it could not be seen whether where holds; absent = no match then.",
    )
    exceptions: Annotated[tuple[RuleException, ...], Field(max_length=16)] = Field(
        default=(),
        alias="except",
        description="Known and reviewed matches. For a story, judged on what completed the count.",
    )
    settle_seconds: Annotated[Int, Field(ge=0, le=600)] = Field(
        default=0,
        description="How long to wait for slower facts (which pods are K10's) before deciding; unknown until then.",
    )
    requires_fields: Annotated[tuple[Path, ...], Field(max_length=8)] = Field(
        default=(),
        description="Fields that not every cluster's audit events have, e.g. actor.podUID; until each was seen once "
        "the rule counts as blind.",
    )
    finding: FindingOptions | None = Field(default=None, description="How matches become findings.")
    correlate: Correlate | None = Field(default=None, description="Counts signals of other rules.")
    tests: Annotated[tuple[RuleTest, ...], Field(max_length=32)] = Field(
        default=(), description="Tests of this rule, run by auditwatch test; the operator does not run them."
    )

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """The CEL above, in Python."""
        if given(raw, "match") == given(raw, "correlate"):
            yield Flaw((), _ONE_KIND.message)
        if given(raw, "correlate") and (given(raw, "where") or given(raw, "onUnknown") or raw.get("settleSeconds")):
            yield Flaw((), _NEEDS_MATCH.message)
