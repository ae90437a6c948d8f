"""What audit events are read with: which K10 this is, which pods are its own, and how long to wait to know them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from auditwatch.detection.audited import AHEAD_SECONDS, Circumstances, activity_of
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.holding import hold_seconds
from auditwatch.detection.joiner.joiner import JOINABLE_SECONDS
from auditwatch.detection.joiner.kinds import Kinds
from auditwatch.detection.pods import WatchedPods
from auditwatch.detection.scope import K10View
from auditwatch.events.activity import Activity, StateChange
from auditwatch.events.audit import AuditRecord
from auditwatch.events.derived import Network, pod_uid
from auditwatch.journal.journal import Journal
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.shown import ShownKinds
from auditwatch.k10.view import EveryK10
from auditwatch.sources.state.marks import read_mark
from auditwatch.sources.state.observation import KEPT
from auditwatch.sources.state.streams import Stream, streams_of

_ALL: Final = 1 << 62
_MAX_PODS: Final = 10_000
PODS: Final = "pods"
"""Name of the snapshot space: K10's pods that are gone, for a day."""
RuleSets = Callable[[], Iterable[RuleSet]]


class Reading:
    """What the settler reads with. ``rule_sets``: those in force, which say how long to wait for slower facts.

    ``joinable``: seconds for which what is told can be joined by what comes late: the longest of poll interval,
    downtime and ten minutes.
    """

    def __init__(
        self,
        instances: Sequence[K10Instance] = (),
        *,
        cluster: str = "",
        trusted_proxies: Sequence[Network] = (),
        rule_sets: RuleSets = tuple,
        joinable: float = JOINABLE_SECONDS,
    ) -> None:
        self._k10: K10View = EveryK10(instances)
        self._pods = WatchedPods(self._k10)
        self._trusted_proxies = trusted_proxies
        self._rule_sets = rule_sets
        self._pod_streams = [stream for stream in streams_of(cluster, instances) if stream.kind.key == "pods"]
        self._listings: dict[str, int] = {}
        """By stream, the listing whose pods are known: what a first one shows is nobody's change."""
        self.kinds: Kinds = ShownKinds(instances)
        self.joinable = max(joinable, JOINABLE_SECONDS)

    def activity(self, record: AuditRecord) -> Activity:
        """The activity of an audit event, by what is known now."""
        circumstances = Circumstances(
            k10=self._k10, pods=self._pods, trusted_proxies=self._trusted_proxies, ahead_seconds=AHEAD_SECONDS
        )
        return activity_of(record, circumstances)

    def hold(self, activity: Activity) -> float:
        """Seconds to wait for facts slower than the activity."""
        return hold_seconds(activity, self._rule_sets())

    @property
    def news(self) -> int:
        """Grows when facts come that an activity may have been held for."""
        return self._pods.news

    def learn(self, record: StateChange | AuditRecord) -> None:
        """Take up what a record says of K10's pods."""
        if isinstance(record, StateChange):
            self._pods.observe(record)
        elif self._k10.is_k10_account(record.event.user.username) and pod_uid(record.event):
            self._pods.name()

    def prepare(self, journal: Journal) -> None:
        """Know the pods of which the journal knows, before anything is read. Raises :class:`JournalError`."""
        self._pods.restore(journal.snapshots(PODS))
        for stream in self._pod_streams:
            self._learn_pods(journal, stream)

    def take_dirty(self) -> dict[str, bytes | None]:
        """What has to be saved as snapshots ``pods`` in the transaction that settles what it was learnt from."""
        return self._pods.take_dirty()

    def refresh(self, journal: Journal) -> None:
        """Know until when every pod is known. Call it when all that the inbox holds was learnt.

        Raises :class:`JournalError`.
        """
        marks = {stream.key: read_mark(journal, stream) for stream in self._pod_streams}
        for stream in self._pod_streams:
            if marks[stream.key].listing != self._listings.get(stream.key, 0):
                self._learn_pods(journal, stream)
                self._listings[stream.key] = marks[stream.key].listing
        if marks and all(mark.listing for mark in marks.values()):
            self._pods.proven_until(min(mark.observed for mark in marks.values()))

    def _learn_pods(self, journal: Journal, stream: Stream) -> None:
        for row in journal.versions_before(stream.key, _ALL, limit=_MAX_PODS):
            try:
                kept = KEPT.decode(row.payload)
            except msgspec.DecodeError:
                continue  # of no pod anybody could read
            self._pods.observe(
                StateChange(
                    cluster=stream.cluster,
                    group="",
                    version="v1",
                    resource="pods",
                    namespace=kept.namespace,
                    name=kept.name,
                    uid=row.uid,
                    verb="create",
                    new=kept.body,
                    observed=row.seen,
                )
            )
