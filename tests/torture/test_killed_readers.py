"""kill -9 of the operator and of an agent while requests come in by file, agent and webhook: each is counted once.

Fifty times with every ``make test``, a thousand with ``make torture``, and as often as ``--kills`` says.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from auditwatch.events.activity import Activity, LogRow
from tests.k10.standin import K10StandIn
from tests.live.installation import Installation
from tests.torture.connected import SERVER, TOKENS, Agent, Ways
from tests.torture.feeding import Feed
from tests.torture.requests import Group, expected, rules
from tests.torture.sending import Sender
from tests.unit.sources.file.committing import open_journal

SEED = 20_261_128
SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS = 0.15, 5.0
QUIET_SECONDS = 2.0
"""After everything is counted: time for what would be counted twice."""
PATIENCE_SECONDS = 900.0
STALLED_SECONDS = 60.0
"""Longer than the longest pause of an agent that found nobody to post to."""
ALL = 1 << 30
KEPT_ROWS = 100_000
"""A journal keeps more of the requests than these; a thousand kills bring more than it may hold, and the oldest go."""
TOLD_EVERY = 20
"""Kills between two lines of how far it is; seen where pytest captures nothing, as with ``make torture``."""


@pytest.mark.torture
def test_every_request_is_counted_once_however_often_its_readers_are_killed(
    quiet_k10: K10StandIn, tmp_path: Path, readers_size: tuple[int, int]
) -> None:
    events, kills = readers_size
    cluster = quiet_k10.cluster
    ways = Ways(tmp_path / "ways", cluster.reserve_port())
    ways.make()
    installed = Installation(cluster, directory=tmp_path / "operator", settings={"sources": ways.sources})
    agent = Agent(cluster, ways)
    try:
        begin(installed, agent)
        with Sender(
            port=ways.port, path=ways.path_of(SERVER), token=TOKENS[SERVER], authority=ways.authority
        ) as sender:
            feed = Feed(ways, sender, seed=SEED)
            try:
                kill_again_and_again(installed, agent, feed, events=events, kills=kills)
            finally:
                feed.finish()

        wanted = expected(feed.made)
        assert wanted.total() == events
        installed.wait(Ended(installed, wanted), what="the counting to end", timeout=PATIENCE_SECONDS)
        time.sleep(QUIET_SECONDS)
        assert counted(installed) == wanted
        assert set(sender.answers) <= {200, 503, 0}, sender.answers
        assert sender.answers[0] >= kills, "no post was cut off"
        assert feed.rotations > kills
        installed.terminate()
        rows = logged(tmp_path / "operator" / "journal" / "journal.db")
        assert {name: count for name, count in rows.items() if count != 1} == {}
        assert rows.keys() <= {request.name for request in feed.made}
        assert len(rows) >= min(events, KEPT_ROWS)
    finally:
        installed.stop()
        installed.clean_up()
        agent.kill()


def begin(installed: Installation, agent: Agent) -> None:
    """Both run, and the rules are in force; the watch is not Ready, for no request of the operator's own comes back."""
    installed.install()
    installed.start()
    installed.wait_ready()
    installed.watch(packs=[], rules=rules())
    installed.wait(lambda: installed.condition("Accepted").get("status") == "True", what="the rules to be in force")
    agent.start()  # not before: what it was told to look for before there were rules holds for some seconds


def kill_again_and_again(installed: Installation, agent: Agent, feed: Feed, *, events: int, kills: int) -> None:
    """Each of both ``kills`` times, at moments of its own, while requests come in."""
    moments = random.Random(SEED)
    for number in range(kills):
        if number % TOLD_EVERY == 0:
            print(f"killed {number} of {kills} times, {len(feed.made):,} requests in", flush=True)  # noqa: T201 - an hour goes by
        feed.allow(events * (number + 1) // kills - events * number // kills)
        first, second = sorted(life(moments) for _ in range(2))
        order: list[Installation | Agent] = [installed, agent]
        moments.shuffle(order)
        for victim, pause in zip(order, (first, second - first), strict=True):
            time.sleep(pause)
            victim.kill()
            victim.start()


def life(moments: random.Random) -> float:
    """Seconds: of any order of length as often as of another, so that starting is cut off as often as working is."""
    return SHORTEST_LIFE_SECONDS * math.pow(LONGEST_LIFE_SECONDS / SHORTEST_LIFE_SECONDS, moments.random())


class Ended:
    """Called, it says whether all is counted, or nothing more was for so long that nothing more will be."""

    def __init__(self, installed: Installation, wanted: Counter[Group]) -> None:
        self._installed = installed
        self._wanted = wanted
        self._last: Counter[Group] = Counter()
        self._changed = time.monotonic()

    def __call__(self) -> bool:
        now, found = time.monotonic(), counted(self._installed)
        if found != self._last:
            self._last, self._changed = found, now
        return not self._wanted - found or now - self._changed > STALLED_SECONDS


def counted(installed: Installation) -> Counter[Group]:
    """What the findings have counted."""
    total: Counter[Group] = Counter()
    for finding in installed.findings():
        values = {each["field"]: each["value"] for each in finding["spec"].get("groupBy", [])}
        if namespace := values.get("target.namespace"):
            total[finding["spec"]["rule"], namespace] += finding.get("status", {}).get("count", 0)
    return total


def logged(journal: Path) -> Counter[str]:
    """By the name of its object, how often each request of ours stands in the log of a journal nobody holds."""
    opened = open_journal(journal)
    try:
        rows = [msgspec.json.decode(each.payload, type=LogRow) for each in opened.log_after(0, limit=ALL)]
    finally:
        opened.close()
    return Counter(
        row.target.name for row in rows if isinstance(row, Activity) and row.actor.name == "mallory@example.org"
    )
