"""``helm test``: its program passes before an operator that works, and says what is wrong with one that does not."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.unit.chart.rendering import NAMESPACE, RELEASE, the

METRICS = "auditwatch_leader 1.0\nauditwatch_engine_healthy 1.0\nauditwatch_default_watch_missing 0.0\n"
GOOD = {"/readyz": "[+] lease: ok\n", "/metrics": METRICS}


@contextmanager
def serving(pages: dict[str, str]) -> Iterator[str]:
    """The address of a server with these pages."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is the base class's
            self.send_response(200)
            self.end_headers()
            self.wfile.write(pages[self.path].encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def told(pages: dict[str, str]) -> tuple[int, str]:
    """Exit code and words of the pod's program."""
    [container] = the("", "Pod", f"{RELEASE}-test")["spec"]["containers"]
    [program] = container["args"]
    assert container["command"] == ["python3", "-c"]
    with serving(pages) as address:
        found = program.replace(f"{RELEASE}.{NAMESPACE}.svc:8080", address)
        assert found != program
        done = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_an_operator_that_is_ready_and_leads_passes() -> None:
    code, words = told(GOOD)

    assert code == 0, words
    assert "[+] lease: ok" in words


def test_one_that_does_not_lead_fails_with_what_is_missing() -> None:
    code, words = told({**GOOD, "/metrics": "auditwatch_leader 0.0\n"})

    assert code == 1
    assert "/metrics does not say auditwatch_leader 1.0" in words


def test_one_whose_default_watch_was_refused_or_deleted_fails_too() -> None:
    code, words = told({**GOOD, "/metrics": METRICS.replace("missing 0.0", "missing 1.0")})

    assert code == 1
    assert "/metrics does not say auditwatch_default_watch_missing 0.0" in words
