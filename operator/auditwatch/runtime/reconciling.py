"""From an AuditWatch as the API shows it to rules in force: parsed, compiled, installed, remembered.

Called from kopf's threads and from the repair loop alike, so it is idempotent and guarded by one lock. A user's mistake
never raises: it becomes a problem in the entry, and from there a condition.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import structlog

from auditwatch.api.auditwatch import WatchSpec
from auditwatch.api.pack import NamedList
from auditwatch.api.parse import ParsedWatch, parse_watch
from auditwatch.api.problems import Problem
from auditwatch.detection.compile import PackUse, RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.guards import GUARDS, own_lists, unguarded
from auditwatch.detection.packs import LoadedPack, find_pack
from auditwatch.detection.shared import Shared, shared_of
from auditwatch.events.times import parse_time
from auditwatch.findings.policy import RUNBOOKS, FindingPolicy, finding_namespace
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10
from auditwatch.runtime.enforcing import Enforcing
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.guarding import Guarding
from auditwatch.runtime.needing import NeedlesInForce
from auditwatch.runtime.registry import Registry, WatchEntry

log = structlog.get_logger()


class Reconciling:
    """Keeps registry and engine in step with the AuditWatches of the cluster."""

    def __init__(
        self,
        registry: Registry,
        engine: EngineThread,
        *,
        operator_namespace: str,
        tenant_namespaces: Sequence[str],
        packs: Sequence[LoadedPack],
        needles: NeedlesInForce,
        instances: Sequence[K10Instance],
        clock: Callable[[], float],
        runbooks: str = RUNBOOKS,
        account: str = "",
    ) -> None:
        """``account``: our own username, where it is known."""
        self._registry = registry
        self._operator_namespace = operator_namespace
        self._tenant_namespaces = tuple(tenant_namespaces)
        self._shipped = tuple(packs)
        self._shared = Shared()
        self._enforcing = Enforcing(engine, needles, clock=clock)
        self._own_lists = own_lists(namespace=operator_namespace, account=account)
        self._guarding = Guarding(
            self._enforcing,
            operator_namespace=operator_namespace,
            packs=packs,
            lists=self._own_lists,
            clock=clock,
            runbooks=runbooks,
        )
        self._instances = tuple(instances)
        self._clock = clock
        self._runbooks = runbooks
        self._lock = threading.Lock()
        self._guard_trouble = ""

    def seen(self, body: Mapping[str, Any]) -> None:
        """The AuditWatch exists and looks like this. An unchanged generation only refreshes what its status says."""
        metadata = body["metadata"]
        with self._lock:
            known = self._registry.get(metadata["uid"])
            if known is not None and known.is_current(metadata["generation"]):
                self._registry.note_status(known.uid, body.get("status") or {})
            else:
                self._take(body)

    def gone(self, uid: str) -> None:
        """The AuditWatch of this uid was deleted; its findings stay, and those not written yet still are."""
        with self._lock:
            entry = self._registry.get(uid)
            if entry is None or (not self._has_successor(entry) and self._enforcing.end(entry.key)):
                return  # what could not be done is tried again by the repair loop, as long as it is known here
            self._registry.drop(uid)
            log.info("watch gone", watch=entry.key)

    def repair(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        """All there are: take up what nobody told us of, and drop what is no longer there."""
        with self._lock:
            self._guard(bodies)
        for body in bodies:
            self.seen(body)
        for uid in self._registry.missing_from({body["metadata"]["uid"] for body in bodies}):
            self.gone(uid)
        self._enforcing.end_formers()
        self._enforcing.end_others({_key(body["metadata"]) for body in bodies} | {self._guarding.key})

    def waiting_for(self) -> str:
        """Why something that should be in force is not; empty where everything is."""
        troubles = (self._guard_trouble, *(entry.not_in_force for entry in self._registry.entries()))
        return next(filter(None, troubles), "")

    def use_instances(self, instances: Sequence[K10Instance], bodies: Sequence[Mapping[str, Any]]) -> None:
        """K10 was found, moved or left: compile every watch again against the K10s there are now."""
        with self._lock:
            self._instances = tuple(instances)
            self._guard(bodies)
            for body in bodies:
                self._take(body)

    def share(self, config_maps: Sequence[Mapping[str, Any]], bodies: Sequence[Mapping[str, Any]]) -> None:
        """ConfigMaps hold these packs and lists: compile the watches that have something to do with a change."""
        with self._lock:
            self._shared = shared_of(config_maps, shipped=self._shipped)
            for body in bodies:
                self._take(body)

    def _guard(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        first = min(filter(None, (_created(body["metadata"]) for body in bodies)), default=self._clock())
        self._guard_trouble = self._guarding.keep(InstalledK10(self._instances[0]), first=first)
        self._registry.guard = self._guarding.rule_set

    def _take(self, body: Mapping[str, Any]) -> None:
        metadata = body["metadata"]
        parsed = parse_watch(body)
        key = _key(metadata)
        refused = self._refusal(metadata["namespace"])
        rule_set, problems = (
            (None, parsed.problems) if refused else self._compile(key, parsed, created=_created(metadata))
        )
        entry = WatchEntry(
            uid=metadata["uid"],
            namespace=metadata["namespace"],
            name=metadata["name"],
            generation=metadata["generation"],
            spec=parsed.spec,
            rule_set=rule_set,
            invalid_rules=parsed.invalid_rules,
            problems=problems,
            refused=refused,
            status=body.get("status") or {},
        )
        trouble = self._install(entry)
        self._registry.put(self._former(entry, trouble) if trouble else entry)
        if not trouble:
            log.info("watch taken up", watch=key, generation=entry.generation, problems=len(problems), refused=refused)

    def _compile(self, key: str, parsed: ParsedWatch, *, created: float) -> tuple[RuleSet | None, tuple[Problem, ...]]:
        instance = next((each for each in self._instances if each.name == parsed.spec.k10_name), None)
        if instance is None:
            return None, (*parsed.problems, self._no_such_k10(parsed.spec))
        uses, in_vain = self._uses(key, parsed.spec)
        source = RuleSource(
            watch=key,
            since=created,
            tenant=self._tenant(key),
            packs=uses,
            elsewhere=GUARDS,
            rules=parsed.rules,
            lists=(*self._lists(key), *parsed.spec.lists),
            macros=parsed.spec.macros,
            time_zone=parsed.spec.time_zone,
        )
        rule_set, problems = compile_watch(source, k10=InstalledK10(instance), now=self._clock())
        told = (*self._policy_problems(key, parsed.spec), *self._shared_problems(key, parsed.spec))
        return rule_set, (*parsed.problems, *problems, *in_vain, *told)

    def _uses(self, key: str, spec: WatchSpec) -> tuple[list[PackUse], tuple[Problem, ...]]:
        """The packs, without what is in force for all of the operator's namespace anyway."""
        packs = (*self._shipped, *self._shared.packs)
        uses = [
            PackUse(f"spec.packs[{index}]", pack, find_pack(packs, pack.name, pack.version))
            for index, pack in enumerate(spec.packs)
        ]
        if self._tenant(key) is not None:
            return uses, ()
        parted = [unguarded(use) if any(use.pack is each for each in self._shipped) else (use, ()) for use in uses]
        return [use for use, _ in parted], tuple(problem for _, problems in parted for problem in problems)

    def _lists(self, key: str) -> tuple[NamedList, ...]:
        """Lists of ConfigMaps are for the operator's own namespace: what they hold says nothing to tenants."""
        return (*self._own_lists, *(self._shared.lists if self._tenant(key) is None else ()))

    def _shared_problems(self, key: str, spec: WatchSpec) -> tuple[Problem, ...]:
        """Of the packs this watch names; of what is no pack at all, whoever may mend it is told."""
        named = [problem for pack in spec.packs for problem in self._shared.pack_problems.get(pack.name, ())]
        return (*named, *(self._shared.problems if self._tenant(key) is None else ()))

    def _install(self, entry: WatchEntry) -> str:
        """Why it did not come into force; empty where it did."""
        if entry.rule_set is None or entry.paused:
            return self._enforcing.remove(entry.key)
        return self._enforcing.put(entry.rule_set, self._policy(entry.key, entry.spec))

    def _former(self, entry: WatchEntry, trouble: str) -> WatchEntry:
        """What is still in force where ``entry`` did not come into it."""
        nothing = replace(entry, generation=0, rule_set=None)
        return replace(self._registry.get(entry.uid) or nothing, not_in_force=trouble, status=entry.status)

    def _has_successor(self, entry: WatchEntry) -> bool:
        """Whether it was made again under its name: then what is in force is the successor's."""
        return any(other.key == entry.key and other.uid != entry.uid for other in self._registry.entries())

    def _policy(self, key: str, spec: WatchSpec) -> FindingPolicy:
        wanted = "" if self._policy_problems(key, spec) else spec.findings.namespace
        return FindingPolicy(
            namespace=wanted,
            min_severity=spec.findings.min_severity,
            reopen_after_seconds=spec.findings.reopen_after_seconds,
            max_per_rule=spec.findings.max_per_rule,
            runbooks=self._runbooks,
        )

    def _policy_problems(self, key: str, spec: WatchSpec) -> tuple[Problem, ...]:
        try:
            finding_namespace(watch=key, wanted=spec.findings.namespace, operator_namespace=self._operator_namespace)
        except ValueError as error:
            path, _, message = str(error).partition(": ")
            return (Problem(path, message),)
        return ()

    def _no_such_k10(self, spec: WatchSpec) -> Problem:
        known = ", ".join(instance.name for instance in self._instances) or "none"
        return Problem("spec.k10Name", f"no K10 is called {spec.k10_name!r} here; there is: {known}")

    def _tenant(self, key: str) -> str | None:
        namespace = key.partition("/")[0]
        return None if namespace == self._operator_namespace else namespace

    def _refusal(self, namespace: str) -> str:
        allowed = (self._operator_namespace, *self._tenant_namespaces)
        if any(fnmatchcase(namespace, pattern) for pattern in allowed):
            return ""
        return (
            f"namespace {namespace!r} may hold no AuditWatch: add it to tenancy.namespaces of the installer's "
            f"configuration, or create the AuditWatch in {self._operator_namespace!r}"
        )


def _key(metadata: Mapping[str, Any]) -> str:
    return f"{metadata['namespace']}/{metadata['name']}"


def _created(metadata: Mapping[str, Any]) -> float:
    """When the watch was created, seconds since the epoch; 0 where its body does not say."""
    return parse_time(str(metadata.get("creationTimestamp") or "")) or 0.0
