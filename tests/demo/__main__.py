"""``make demo``: a control plane, a K10 stand-in, the operator as a process, an intruder, and what is found.

Nothing is staged: the intruder is a user of the API server, the operator holds the rights of ``manifests/`` and no
others, and what is printed is what ``kubectl`` answers. It exits 1 where a step was not found, where a finding names
somebody else, or where one incident became two findings because two sources saw it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster import build
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.demo import connection, intrusion, screen, showing, verdict
from tests.demo.intrusion import CONTENTS, POLICIES, PROFILES, Intruder, Prey, Step
from tests.k10.standin import K10StandIn
from tests.live.audited import AuditedPlane
from tests.live.installation import NAMESPACE, Installation

STOLEN_RIGHTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: stolen-rights}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: mallory@example.com}
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "minimal.yaml"
FOUND_SECONDS = 45.0
QUIET_SECONDS = 6.0
"""So long nothing new has to come, before it is said that nothing was found twice: longer than a finding is kept back
that was just written."""
POLL_SECONDS = 0.5


def main() -> int:
    """Exit code: 0 where everything the intruder did was found, once and by the right name."""
    try:
        way = connection.chosen(os.environ)
        build.kubernetes_binary()
        build.k10apis_binary()
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="k10-auditwatch-demo-") as directory:
            complaints = demonstrate(Path(directory), way)
        screen.note(f"\nThe whole demo took {time.monotonic() - started:.0f} s.")
    except ClusterError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if complaints else 0


def demonstrate(directory: Path, way: str) -> list[str]:
    """The whole story; what went wrong in it."""
    screen.heading("A cluster with Kasten K10 in it")
    plane = AuditedPlane(directory / "plane", by=connection.WAYS[way])
    with screen.timed("kube-apiserver, etcd and controller-manager"):
        plane.__enter__()
    k10 = K10StandIn(plane.cluster)
    operator = Installation(plane.cluster, directory=directory / "operator", settings={"sources": plane.sources})
    try:
        with screen.timed("K10 stand-in: its CRDs, its aggregated API, policies, profiles, restore points"):
            k10.start()
        install(operator, way)
        steps = intrude(plane.cluster)
        return show(operator, steps, audited=way != "none")
    finally:
        operator.stop()
        k10.stop()
        plane.__exit__(None, None, None)


def install(operator: Installation, way: str) -> None:
    """The operator and the AuditWatch of the README."""
    screen.heading("k10-auditwatch, with a ServiceAccount's token and the rights of manifests/")
    screen.note(f"It sees by {connection.in_words(way)}.")
    with screen.timed("operator ready"):
        operator.install()
        operator.start()
        operator.wait_ready()
    screen.kubectl("apply", "-n", NAMESPACE, "-f", "examples/minimal.yaml")
    screen.output(operator.cluster.kubectl("apply", "-n", NAMESPACE, "-f", str(EXAMPLE)))
    with screen.timed("AuditWatch in force, first lists made, every source proven alive"):
        operator.wait(lambda: operator.condition("Ready").get("status") == "True", what="the AuditWatch to be Ready")
        operator.wait(lambda: _states(operator) == {"Live"}, what="every source to be Live")
    screen.kubectl("get", "auditwatches", "-n", NAMESPACE)
    screen.output(operator.cluster.kubectl("get", "auditwatches", "-n", NAMESPACE))


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


def show(operator: Installation, steps: tuple[Step, ...], *, audited: bool) -> list[str]:
    """What was found; what was not, and what is wrong with it."""
    screen.heading("What k10-auditwatch says")
    expected = verdict.visible(steps, audited=audited)
    with screen.timed("findings written"):
        await_findings(operator, expected, audited=audited)
    showing.findings(operator)
    showing.one(operator)
    screen.heading("What it sees, and what it does not")
    showing.sources(operator)
    showing.blind(operator)
    for step in steps:
        if step not in expected:
            screen.note(f"NOT SEEN without the audit log: {step.what} (rule {step.rule})")
    if not audited:
        screen.note("Watch loops do not prove who did it: connect the audit log to learn names and addresses.")
    return complain(operator, expected, audited=audited)


def await_findings(operator: Installation, expected: tuple[Step, ...], *, audited: bool) -> None:
    """Until all is found and nothing changed for a while; or for as long as anybody would wait."""
    deadline = time.monotonic() + FOUND_SECONDS
    known, since = _counts(operator), time.monotonic()
    while time.monotonic() < deadline:
        found = operator.findings()
        if (now := _counts(operator)) != known:
            known, since = now, time.monotonic()
        is_whole = not verdict.missed(expected, found, audited=audited)
        if is_whole and time.monotonic() - since >= QUIET_SECONDS:
            return
        time.sleep(POLL_SECONDS)


def complain(operator: Installation, expected: tuple[Step, ...], *, audited: bool) -> list[str]:
    """Say what went wrong; all of it."""
    found = operator.findings()
    complaints = [
        *verdict.missed(expected, found, audited=audited),
        *verdict.wrong(expected, found, audited=audited),
        *verdict.doubled(found),
    ]
    for complaint in complaints:
        screen.note(f"WRONG: {complaint}")
    if not complaints:
        screen.note(f"Found: {len(expected)} of {len(expected)} steps, each once.")
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


def _states(operator: Installation) -> set[str]:
    return {source["state"] for source in operator.watch_status().get("sources", [])}


def _counts(operator: Installation) -> dict[str, object]:
    found = operator.findings()
    return {each["metadata"]["name"]: (each.get("status", {}).get("count"), verdict.actors(each)) for each in found}


if __name__ == "__main__":
    sys.exit(main())
