"""k10-auditwatch as a user installs it: the chart, with values that connect the audit log, and the webhook after it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import yaml

from tests.images.project import REFERENCE
from tests.live import telling
from tests.live.installation import NAMESPACE

CHART: Final = "charts/k10-auditwatch"
RELEASE: Final = "k10-auditwatch"
REPOSITORY: Final = Path(__file__).parents[2]
INSTANCE, SENDERS = "cp-1", "audit-webhook-tokens"
ADDRESS, PORT = "10.96.77.10", 8443
TOKEN: Final = "a-token-that-only-the-api-server-knows"
WAIT: Final = ("--wait", "--timeout", "180s")
CONNECT: Final = telling.command(server=f"https://{ADDRESS}:{PORT}", instance=INSTANCE)

PREPARED: Final = f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: {SENDERS}, namespace: {NAMESPACE}}}
stringData: {{{INSTANCE}: {TOKEN}}}
"""
"""What is there before the chart: its namespace, in which Pod Security allows little, and the sender's token."""


def values(by: tuple[str, ...]) -> dict[str, Any]:
    """For this K10, part of a multi-cluster; ``by``: which of ``file`` and ``webhook`` are connected."""
    repository, _, tag = REFERENCE.rpartition(":")
    given: dict[str, Any] = {
        "image": {"repository": repository, "tag": tag},
        "k10s": [{"namespace": "kasten-io", "multicluster": True}],
    }
    if "file" in by:
        given["agent"] = {"enabled": True}
    if "webhook" in by:
        instances = [{"name": INSTANCE, "tokenKey": INSTANCE}]
        given["webhook"] = {
            "enabled": True,
            "clusterIP": ADDRESS,
            "tokensSecretName": SENDERS,
            "instances": instances,
        }
    return given


def arguments(*, file: str, chart: str = CHART) -> list[str]:
    """The command line of helm, with the values in ``file``."""
    return ["install", RELEASE, chart, "--namespace", NAMESPACE, "--values", file, *WAIT]


def shown(by: tuple[str, ...]) -> str:
    """The values as a file: one line for each key."""
    return "".join(
        yaml.safe_dump({key: value}, default_flow_style=None, width=1000, sort_keys=False)
        for key, value in values(by).items()
    )


def write_values(by: tuple[str, ...], directory: Path) -> Path:
    """The file of values."""
    file = directory / "values.yaml"
    file.write_text(shown(by))
    return file


def told(printed: str) -> str:
    """Of what helm prints: what is seen and what is blind."""
    return printed.partition("NOTES:\n")[2].partition("\nNext\n")[0]


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
