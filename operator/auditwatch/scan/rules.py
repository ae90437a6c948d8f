"""Puts together the rules a scan, or a question about audit policies, is about: packs that ship, and files of people.

One mistake in a rule a person handed over ends the command: whoever asks for a rule must not believe it was in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from auditwatch.api.auditwatch import PackReference
from auditwatch.api.pack import NamedList
from auditwatch.api.problems import nearest
from auditwatch.detection.compile import PackUse, RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.packs import LoadedPack, built_in_packs, find_pack
from auditwatch.detection.rulefiles import RuleFile, read_rules
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10

DEFAULT_PACK: Final = "k10-baseline"
WATCH: Final = "scan/packs"
"""Stands for the watch that packs are in force for; rules of a file have one of their own."""
_K10_NAMESPACES: Final = "k10-namespaces"
"""The list of the shipped packs to which the namespaces of another K10 are added."""


class RulesError(Exception):
    """Rules that cannot be used; each line of the message is one problem, with its place and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which rules somebody asked for. Neither packs nor files: the pack :data:`DEFAULT_PACK`."""

    packs: Sequence[str] = ()
    """``name`` or ``name@version``."""
    files: Sequence[Path] = ()
    time_zone: str = ""
    """IANA name; empty: what the rules' own file says, else UTC."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule sets in force, and what is to be said about them."""

    rule_sets: tuple[RuleSet, ...]
    warnings: tuple[str, ...] = ()


def k10_of(*, namespace: str, account: str, api_domain: str) -> InstalledK10:
    """The K10 whose logs these are. ``account``: a service account's name, also as ``namespace:name``."""
    owner, _, name = account.removeprefix("system:serviceaccount:").rpartition(":")
    return InstalledK10(K10Instance(namespace=owner or namespace, service_account=name, api_domain=api_domain))


def rules_of(asked: Asked, *, k10: InstalledK10, now: float) -> Rules:
    """The rules in force. ``now``: seconds since the epoch, for exceptions. Raises :class:`RulesError`."""
    built_in, flaws = built_in_packs()
    if flaws:
        raise RulesError("\n".join(map(str, flaws)))
    packs = list(asked.packs) or ([] if asked.files else [DEFAULT_PACK])
    found = [_of_packs(packs, built_in, k10, now)] if packs else []
    found += [_of_file(path, built_in, k10, now) for path in asked.files]
    rule_sets = [rule_set for rules in found for rule_set in rules.rule_sets]
    if asked.time_zone:
        zone = _zone(asked.time_zone)
        rule_sets = [replace(rule_set, zone=zone) for rule_set in rule_sets]
    return Rules(tuple(rule_sets), tuple(warning for rules in found for warning in rules.warnings))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise RulesError(f"there is no time zone {name!r}: write an IANA name like Europe/Paris") from error


def _of_packs(names: Iterable[str], built_in: Sequence[LoadedPack], k10: InstalledK10, now: float) -> Rules:
    uses = [_use(name, built_in) for name in dict.fromkeys(names)]
    lists = [NamedList(name=_K10_NAMESPACES, values=tuple(dict.fromkeys(k10.namespaces)))]
    rule_set, problems = compile_watch(RuleSource(watch=WATCH, packs=uses, lists=lists), k10=k10, now=now)
    fatal = [str(problem) for problem in problems if problem.fatal]
    if fatal:
        raise RulesError("\n".join(fatal))
    return Rules((rule_set,), tuple(map(str, problems)))


def _use(written: str, built_in: Sequence[LoadedPack]) -> PackUse:
    name, _, version = written.partition("@")
    is_version = all(part.isdigit() for part in version.split(".") if version)
    pack = find_pack(built_in, name, version) if is_version else None
    if pack is None:
        raise RulesError(f"there is no pack {written!r}{_instead_of(name, built_in)}")
    return PackUse(written, PackReference(name=pack.name, version=pack.version), pack)


def _instead_of(name: str, built_in: Sequence[LoadedPack]) -> str:
    known = {pack.name for pack in built_in}
    meant = "" if name in known else nearest(name, known)
    there_is = ", ".join(pack.reference for pack in built_in)
    return f"{meant} There is: {there_is}" if meant else f"; there is: {there_is}"


def _of_file(path: Path, built_in: Sequence[LoadedPack], k10: InstalledK10, now: float) -> Rules:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
        raise RulesError(f"{path}: cannot be read: {reason}") from error
    documents = read_rules(text, k10=k10, now=now, packs=built_in)
    told = [(each.problem.fatal, f"{path}:{each.line}: {each.problem}") for file in documents for each in file.problems]
    if fatal := [line for is_fatal, line in told if is_fatal]:
        raise RulesError("\n".join(fatal))
    return Rules(tuple(_named(path, documents)), tuple(line for _, line in told))


def _named(path: Path, documents: Sequence[RuleFile]) -> Iterable[RuleSet]:
    """Rule sets are told apart by their watch: the file, and which document of it."""
    for index, document in enumerate(documents):
        if document.rule_set is not None:
            suffix = f"#{index + 1}" if len(documents) > 1 else ""
            yield replace(document.rule_set, watch=f"scan/{path}{suffix}")
