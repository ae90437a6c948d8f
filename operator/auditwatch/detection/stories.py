"""Whose signals a story counts: names and tags resolved against the rules that are in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from auditwatch.api.correlate import Absorbed, SignalsOf
from auditwatch.api.problems import nearest
from auditwatch.detection.compiled import CompiledRule, Story, group_of
from auditwatch.detection.report import Report
from auditwatch.detection.scope import Scope
from auditwatch.detection.signal import Absorption
from auditwatch.detection.windows import group_key


@dataclass(frozen=True, slots=True)
class Known:
    """Rules by what became of them."""

    rules: Mapping[str, CompiledRule]
    out_of_force: frozenset[str]
    """Names of rules that are disabled, or left out for a problem; another rule may have taken the name since."""

    def find(self, name: str) -> CompiledRule | None:
        """A rule by its name, or by one it had."""
        found = self.rules.get(name)
        return found or next((rule for rule in self.rules.values() if name in rule.source.replaces), None)


def resolve_story(rule: CompiledRule, known: Known, report: Report) -> CompiledRule:
    """The story with its members; a name that no rule ever had is a problem, an idle rule's makes it blind."""
    story, correlate = rule.story, rule.source.correlate
    assert story is not None
    assert correlate is not None
    members: set[str] = set()
    disabled: list[str] = []
    for index, item in enumerate(correlate.of):
        place = report.at("correlate", "of", index)
        if item.rule is None:
            members.update(_tagged(item.tags or (), known.rules.values()))
        elif item.rule in known.out_of_force and known.find(item.rule) is None:
            disabled.append(item.rule)
        else:
            members.update(_named(item, known, place))
    if not members and not disabled and not report.is_fatal:
        report.at("correlate", "of").warning("no rule in force has these tags: the story counts nothing")
    absorbs = tuple(
        absorption
        for index, item in enumerate(correlate.absorbs)
        for absorption in _absorbed(item, rule, known, frozenset(members), report.at("correlate", "absorbs", index))
    )
    story = replace(story, members=frozenset(members), absorbs=absorbs)
    return replace(rule, story=story, disabled=tuple(disabled))


def _tagged(tags: Iterable[str], rules: Iterable[CompiledRule]) -> Iterable[str]:
    wanted = set(tags)
    return (rule.name for rule in rules if rule.story is None and wanted.issubset(rule.source.tags))


def _named(item: SignalsOf, known: Known, report: Report) -> Iterable[str]:
    assert item.rule is not None
    found = known.find(item.rule)
    if found is None:
        report.at("rule").error(f"there is no rule {item.rule!r}{nearest(item.rule, known.rules)}")
        return ()
    if found.story is not None:
        report.at("rule").error(f"{item.rule!r} counts others itself: name the match rules it counts")
        return ()
    return (found.name,)


def _absorbed(
    item: Absorbed, story: CompiledRule, known: Known, members: frozenset[str], report: Report
) -> Iterable[Absorption]:
    """What the item stands for; nothing where the rule is out of force and so makes no findings."""
    assert story.story is not None
    found = known.find(item.rule)
    if found is None:
        if item.rule not in known.out_of_force:
            report.at("rule").error(f"there is no rule {item.rule!r}{nearest(item.rule, known.rules)}")
        return ()
    if item.join is None and found.name not in members:
        report.error(f"{item.rule!r} is not counted by this story: say with join which of its findings are meant")
    for index, same in enumerate(item.join or ()):
        for name, field, fields in (("field", same.field, story.group_by), ("with", same.with_, found.group_by)):
            names = [each.name for each in fields]
            if field not in names:
                message = f"findings are not grouped by {field!r}; they are by {', '.join(names) or 'nothing'}"
                report.at("join", index, name).error(message)
    join = tuple((same.field, same.with_) for same in item.join or ())
    return (Absorption(found.name, story.story.timespan, join),)


def count_key(story: Story, scope: Scope) -> str:
    """Which of a story's counts an activity belongs to; absent and unknown values count apart from others."""
    return group_key(group_of(story.key, scope))


def counted_value(story: Story, scope: Scope) -> int | None:
    """What is one value where different ones are counted, 60 bits of a digest; ``None`` where requests are."""
    return int(group_key(group_of(story.value, scope))[:15], 16) if story.value else None
