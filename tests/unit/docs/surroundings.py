"""What the commands of the documentation find in the folder they are run in: audit logs, certificates, a PATH."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import sys
from pathlib import Path
from typing import Any

from tests.cluster.certificates import Authority
from tests.unit.scan.making import event, line


def restore_point(number: int) -> dict[str, Any]:
    """Eve deletes a restore point of payments."""
    return event(
        number,
        requestURI=f"/apis/apps.kio.kasten.io/v1alpha1/namespaces/payments/restorepoints/p-{number}",
        objectRef={
            "resource": "restorepoints",
            "namespace": "payments",
            "name": f"p-{number}",
            "apiGroup": "apps.kio.kasten.io",
            "apiVersion": "v1alpha1",
        },
    )


def furnish(directory: Path) -> None:
    """The files that how-to pages name."""
    live = line(event(60)) + b"\n" + line(restore_point(1)) + b"\n"
    rotated = line(event(0)) + b"\n"
    (directory / "audit.log").write_bytes(live)
    (directory / "audit-2026-01-01T00-00-30.000.log").write_bytes(rotated)
    (directory / "audit-2026-01-01T00-00-10.000.log.gz").write_bytes(gzip.compress(rotated))
    (directory / "logs").mkdir()
    (directory / "logs" / "audit.log").write_bytes(live)
    authority = Authority.create("auditwatch", now=dt.datetime.now(dt.UTC))
    (directory / "ca.crt").write_bytes(authority.pair.certificate_pem)
    (directory / "cp-1.token").write_text("a-token-of-at-least-sixteen-characters\n", encoding="utf-8")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of a terminal of 200 columns in which this project's commands are found first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plain = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
    return plain | more
