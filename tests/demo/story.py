"""What happens, wherever it happens: a cluster with K10, k10-auditwatch in it, an intruder, and what is found.

Nothing is staged: the intruder is a user of the API server, the operator holds the rights it is installed with and no
others, and what is printed is what ``kubectl`` answers.
"""

from __future__ import annotations

import time

from tests.cluster.controlplane import ControlPlane
from tests.demo import connection, intrusion, reading, screen, showing, verdict
from tests.demo.intrusion import CONTENTS, POLICIES, PROFILES, Intruder, Prey, Step
from tests.demo.stage import POLL_SECONDS, Stage, wait
from tests.live.installation import NAMESPACE

STOLEN_RIGHTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: stolen-rights}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: mallory@example.com}
"""
FOUND_SECONDS = 45.0
QUIET_SECONDS = 6.0
"""So long nothing new has to come, before it is said that nothing was found twice: longer than a finding is kept back
that was just written."""


def play(stage: Stage, way: str) -> list[str]:
    """The whole story; what went wrong in it."""
    screen.heading("A cluster with Kasten K10 in it")
    stage.raise_cluster()
    install(stage, way)
    steps = intrude(stage.cluster)
    return show(stage, steps, audited=way != "none")


def install(stage: Stage, way: str) -> None:
    """The operator and an AuditWatch, in force."""
    screen.heading(f"k10-auditwatch, {stage.installed_as}")
    screen.note(f"It sees by {connection.in_words(way)}.")
    stage.install()
    with screen.timed("AuditWatch in force, first lists made, every source proven alive"):
        wait(stage, lambda: reading.is_ready(stage.cluster), what="the AuditWatch to be Ready")
        wait(stage, lambda: reading.is_live(stage.cluster), what="every source to be Live")
    screen.kubectl("get", "auditwatches", "-n", NAMESPACE)
    screen.output(stage.cluster.kubectl("get", "auditwatches", "-n", NAMESPACE))


def intrude(cluster: ControlPlane) -> tuple[Step, ...]:
    """Somebody with stolen rights, in plain kubectl."""
    screen.heading("An intruder: mallory@example.com, with rights stolen from a pipeline")
    cluster.apply(STOLEN_RIGHTS)
    prey = Prey(
        policy=first(cluster, POLICIES, prefer="daily"),
        profile=first(cluster, PROFILES),
        contents=tuple(points_of_one_application(cluster)),
    )
    steps, intruder = intrusion.session(prey), Intruder(cluster)
    for step in steps:
        screen.note(f"# {step.what}")
        screen.command(step.shown)
        screen.output(intruder.run(step))
    return steps


def show(stage: Stage, steps: tuple[Step, ...], *, audited: bool) -> list[str]:
    """What was found; what was not, and what is wrong with it."""
    cluster = stage.cluster
    screen.heading("What k10-auditwatch says")
    expected = verdict.visible(steps, audited=audited)
    with screen.timed("findings written"):
        await_findings(cluster, expected, audited=audited)
    showing.findings(cluster)
    showing.one(cluster)
    screen.heading("What it sees, and what it does not")
    showing.sources(cluster)
    showing.blind(cluster)
    for step in steps:
        if step not in expected:
            screen.note(f"NOT SEEN without the audit log: {step.what} (rule {step.rule})")
    if not audited:
        screen.note("Watch loops do not prove who did it: connect the audit log to learn names and addresses.")
    return complain(stage, expected, audited=audited)


def await_findings(cluster: ControlPlane, expected: tuple[Step, ...], *, audited: bool) -> None:
    """Until all is found and nothing changed for a while; or for as long as anybody would wait."""
    deadline = time.monotonic() + FOUND_SECONDS
    known, since = _counts(cluster), time.monotonic()
    while time.monotonic() < deadline:
        if (now := _counts(cluster)) != known:
            known, since = now, time.monotonic()
        is_whole = not verdict.missed(expected, reading.findings(cluster), audited=audited)
        if is_whole and time.monotonic() - since >= QUIET_SECONDS:
            return
        time.sleep(POLL_SECONDS)


def complain(stage: Stage, expected: tuple[Step, ...], *, audited: bool) -> list[str]:
    """Say what went wrong; all of it."""
    found = reading.findings(stage.cluster)
    complaints = [
        *verdict.missed(expected, found, audited=audited),
        *verdict.wrong(expected, found, audited=audited, addresses=stage.addresses),
        *verdict.doubled(found),
    ]
    for complaint in complaints:
        screen.note(f"WRONG: {complaint}")
    if not complaints:
        screen.note(f"Found: {len(expected)} of {len(expected)} steps, each once.")
    first_true = verdict.first_true(expected, found)
    if first_true is not None:
        screen.note(
            f"From the start of the installation to the first true finding: {first_true - stage.installed_at:.0f} s."
        )
    return complaints


def names(cluster: ControlPlane, resource: str) -> list[str]:
    """Names of the objects of a kind in K10's namespace, or cluster-wide."""
    return cluster.kubectl("get", resource, "-n", "kasten-io", "-o", "jsonpath={.items[*].metadata.name}").split()


def points_of_one_application(cluster: ControlPlane) -> list[str]:
    """Five contents of the first application: what no policy run deletes at once."""
    selector = "k10.kasten.io/appNamespace=shop"
    listed = cluster.kubectl("get", CONTENTS, "-l", selector, "-o", "jsonpath={.items[*].metadata.name}")
    return listed.split()[:5]


def first(cluster: ControlPlane, resource: str, *, prefer: str = "") -> str:
    """One name, the preferred kind if there is one."""
    found = names(cluster, resource)
    return next((name for name in found if name.startswith(prefer)), found[0])


def _counts(cluster: ControlPlane) -> dict[str, object]:
    found = reading.findings(cluster)
    return {each["metadata"]["name"]: (each.get("status", {}).get("count"), verdict.actors(each)) for each in found}
