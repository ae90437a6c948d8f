"""``make demo``: a control plane, a K10 stand-in, the operator as a process, an intruder, and what is found.

Nothing is staged: the intruder is a user of the API server, the operator holds the rights of ``manifests/`` and no
others, and what is printed is what ``kubectl`` answers. It exits 1 where a step was not found.
"""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster import build
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.identities import INTRUDER
from tests.demo import intrusion, screen
from tests.demo.intrusion import CONTENTS, POLICIES, PROFILES, Step
from tests.k10.standin import K10StandIn
from tests.live.installation import NAMESPACE, Installation

STOLEN_RIGHTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: stolen-rights}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: mallory@example.com}
"""
FOUND_SECONDS = 300.0


def main() -> int:
    """Exit code: 0 where everything the intruder did was found."""
    try:
        build.kubernetes_binary()
        build.k10apis_binary()
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="k10-auditwatch-demo-") as directory:
            missed = demonstrate(Path(directory))
        screen.note(f"\nThe whole demo took {time.monotonic() - started:.0f} s.")
    except ClusterError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if missed else 0


def demonstrate(directory: Path) -> list[Step]:
    """The whole story; the steps nobody noticed."""
    screen.heading("A cluster with Kasten K10 in it")
    cluster = ControlPlane()
    with screen.timed("kube-apiserver, etcd and controller-manager"):
        cluster.start()
    k10 = K10StandIn(cluster)
    operator = Installation(cluster, directory=directory)
    try:
        with screen.timed("K10 stand-in: its CRDs, its aggregated API, policies, profiles, restore points"):
            k10.start()
        install(operator)
        steps = intrude(cluster)
        return show(operator, steps)
    finally:
        operator.stop()
        k10.stop()
        cluster.stop()


def install(operator: Installation) -> None:
    """The operator and the AuditWatch of the README."""
    screen.heading("k10-auditwatch, with a ServiceAccount's token and the rights of manifests/")
    with screen.timed("operator ready"):
        operator.install()
        operator.start()
        operator.wait_ready()
    screen.command(f"kubectl apply -n {NAMESPACE} -f examples/minimal.yaml")
    example = Path(__file__).parents[2] / "examples" / "minimal.yaml"
    screen.output(operator.cluster.kubectl("apply", "-n", NAMESPACE, "-f", str(example)))
    with screen.timed("AuditWatch in force, first lists made"):
        operator.wait(lambda: operator.condition("Ready").get("status") == "True", what="the AuditWatch to be Ready")
    screen.command(f"kubectl get auditwatches -n {NAMESPACE}")
    screen.output(operator.cluster.kubectl("get", "auditwatches", "-n", NAMESPACE))


def intrude(cluster: ControlPlane) -> tuple[Step, ...]:
    """Somebody with stolen rights, in plain kubectl."""
    screen.heading("An intruder: mallory@example.com, with rights stolen from a pipeline")
    cluster.apply(STOLEN_RIGHTS)
    steps = intrusion.session(
        policy=first(cluster, POLICIES, prefer="daily"),
        profile=first(cluster, PROFILES),
        contents=tuple(points_of_one_application(cluster)),
    )
    for step in steps:
        screen.note(f"# {step.what}")
        screen.command(f"kubectl {shlex.join(step.kubectl)}")
        screen.output(cluster.kubectl(*step.kubectl, identity=INTRUDER))
    return steps


def show(operator: Installation, steps: tuple[Step, ...]) -> list[Step]:
    """What was found; the steps that were not."""
    screen.heading("What k10-auditwatch says")
    deadline = time.monotonic() + FOUND_SECONDS
    missed = list(steps)
    with screen.timed("findings written"):
        while missed and time.monotonic() < deadline:
            found = {
                finding["spec"]["rule"] for finding in operator.findings() if finding.get("status", {}).get("count")
            }
            missed = [step for step in steps if step.rule not in found]
            time.sleep(0.5)
    table = ("get", "k10securityfindings", "-n", NAMESPACE, "--sort-by=.metadata.creationTimestamp")
    screen.command(f"kubectl {shlex.join(table)}")
    screen.output(operator.cluster.kubectl(*table))
    describe(operator)
    blind(operator)
    for step in missed:
        screen.note(f"NOT FOUND: {step.what} (rule {step.rule})")
    return missed


def describe(operator: Installation) -> None:
    """One finding whole, with its Events."""
    finding = next(iter(operator.findings_of("retention-cut") or operator.findings()), None)
    if finding is not None:
        name = finding["metadata"]["name"]
        screen.command(f"kubectl describe k10f {name} -n {NAMESPACE}")
        screen.output(operator.cluster.kubectl("describe", "k10f", name, "-n", NAMESPACE))


def blind(operator: Installation) -> None:
    """What it cannot see, in its own words."""
    status = operator.watch_status()
    screen.command(f"kubectl get auditwatch k10 -n {NAMESPACE} -o jsonpath='{{.status.visibility}}'")
    screen.output(json.dumps(status.get("visibility", {})))
    screen.note("Who did it is not proven by watch loops: connect the audit log to learn names and addresses.")


def names(cluster: ControlPlane, resource: str) -> list[str]:
    """Names of the objects of a kind in K10's namespace, or cluster-wide."""
    return cluster.kubectl("get", resource, "-n", intrusion.K10, "-o", "jsonpath={.items[*].metadata.name}").split()


def points_of_one_application(cluster: ControlPlane) -> list[str]:
    """Five contents of the first application: what no policy run deletes at once."""
    application = "shop"
    selector = f"k10.kasten.io/appNamespace={application}"
    listed = cluster.kubectl("get", CONTENTS, "-l", selector, "-o", "jsonpath={.items[*].metadata.name}")
    return listed.split()[:5]


def first(cluster: ControlPlane, resource: str, *, prefer: str = "") -> str:
    """One name, the preferred kind if there is one."""
    found = names(cluster, resource)
    return next((name for name in found if name.startswith(prefer)), found[0])


if __name__ == "__main__":
    sys.exit(main())
