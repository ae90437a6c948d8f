"""A control plane for people: `python -m tests.cluster up`, then `down`."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

from tests.cluster import build
from tests.cluster.audit import EVERYTHING, METADATA, Audit, Webhook
from tests.cluster.background import Background, Maker, Running, StandIn, hold
from tests.cluster.commands import exit_code
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError

POLICIES = {"everything": EVERYTHING, "metadata": METADATA}
STOPS = {"default": "make cluster-down", "node": "make node-down"}
"""What stops those that the Makefile started."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; an expected problem is one message, not a traceback."""
    options = _parser().parse_args(arguments)
    return exit_code(partial(_obey, options))


def _obey(options: argparse.Namespace) -> int:
    match options.command:
        case "up":
            sys.stdout.write(up(options))
        case "down":
            stopped = Background(options.name).down()
            sys.stdout.write("stopped\n" if stopped else "nothing is running\n")
        case "hold":
            make, in_it = forms(options)
            hold(options.name, make=make, audit=audit(options), stand_in=in_it)
    return 0


def up(options: argparse.Namespace) -> str:
    """Start in the background what is not running yet; return what to tell the user."""
    audit(options)  # a mistake in the options is told now, not in the holder's log
    if options.node:
        _check_node()
    build.kubernetes_binary()
    if options.k10:
        build.k10apis_binary()
    return summary(Background(options.name).up(hold_arguments(options)), name=options.name)


def hold_arguments(options: argparse.Namespace) -> list[str]:
    """The options of `up` for a holder that runs in another directory."""
    policy = options.audit if options.audit in {None, *POLICIES} else str(Path(options.audit).absolute())
    return [
        f"--name={options.name}",
        *([f"--audit={policy}"] if policy else []),
        *([f"--audit-webhook={options.audit_webhook}"] if options.audit_webhook else []),
        *(["--k10"] if options.k10 else []),
        *(["--node"] if options.node else []),
    ]


def summary(running: Running, *, name: str) -> str:
    """Shell that can be pasted or given to `eval`; what is only for reading is a comment."""
    stop = STOPS.get(name, f"python -m tests.cluster down --name {name}")
    lines = [
        f"export KUBECONFIG={shlex.quote(running.kubeconfigs['admin'])}",
        f'export PATH={shlex.quote(running.binaries)}:"$PATH"  # kubectl, helm',
        f"# {running.url}, files in {running.directory}",
        *(f"# as {key}: kubectl --kubeconfig {path} …" for key, path in running.kubeconfigs.items()),
    ]
    if running.audit_log:
        lines.append(f"# audit log: {running.audit_log}")
    return "\n".join([*lines, f"# stop it with: {stop}", ""])


def audit(options: argparse.Namespace) -> Audit | None:
    """The audit settings that the options ask for."""
    if not options.audit and not options.audit_webhook:
        return None
    webhook = Webhook(url=options.audit_webhook) if options.audit_webhook else None
    return Audit(policy=_policy(options.audit or "metadata"), webhook=webhook)


def forms(options: argparse.Namespace) -> tuple[Maker, StandIn | None]:
    """What is held, and the K10 in it where it is asked for."""
    if options.node:
        from tests.cluster.node.node import Node  # noqa: PLC0415 - loaded when asked for: it imports this package
        from tests.k10.pods import K10InPods  # noqa: PLC0415 - likewise

        return Node, cast(StandIn, K10InPods) if options.k10 else None
    from tests.k10.standin import K10StandIn  # noqa: PLC0415 - it imports this package

    return ControlPlane, K10StandIn if options.k10 else None


def _check_node() -> None:
    """Say now what is missing, and install what YES=1 allows; the holder has no terminal."""
    from tests.cluster.node import requirements  # noqa: PLC0415 - a plain control plane does not need it

    requirements.check()


def _policy(choice: str) -> str:
    if choice in POLICIES:
        return POLICIES[choice]
    try:
        return Path(choice).read_text()
    except OSError as problem:
        raise ClusterError(f"--audit {choice}: {problem.strerror}; give a file or {' or '.join(POLICIES)}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down")
    for command in ("up", "hold"):  # hold is what up leaves running
        starting = commands.add_parser(command, description="start a control plane in the background")
        _add_name(starting)
        starting.add_argument(
            "--audit", metavar="POLICY", help=f"write an audit log: {', '.join(POLICIES)} or a policy file"
        )
        starting.add_argument("--audit-webhook", metavar="URL", help="also send audit events there")
        starting.add_argument("--k10", action="store_true", help="with the K10 stand-in")
        starting.add_argument("--node", action="store_true", help="with a kubelet that runs real pods (root only)")
    _add_name(commands.add_parser("down", description="stop it and leave nothing behind"))
    return parser


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="default", help="to run several (default: %(default)s)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
