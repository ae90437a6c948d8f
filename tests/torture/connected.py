"""An operator and an agent that read logs no API server writes, so that each request's way is the test's choice."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster.certificates import Authority, write_secret
from tests.cluster.controlplane import ControlPlane
from tests.cluster.processes import Process

FILE, WEBHOOK = "audit-log", "audit-webhook"
SERVER, NODE = "cp-1", "cp-2"
"""The API server whose log the operator reads and that posts, and the one that has an agent beside it."""
TOKENS: Final = {SERVER: "a-token-of-the-api-server", NODE: "a-token-of-the-agent"}


@dataclass(frozen=True, slots=True)
class Ways:
    """Where requests go in. ``log`` is read by the operator, ``node_log`` by the agent."""

    directory: Path
    port: int

    @property
    def log(self) -> Path:
        """The log beside the operator."""
        return self.directory / "server" / "audit.log"

    @property
    def node_log(self) -> Path:
        """The log beside the agent."""
        return self.directory / "node" / "audit.log"

    @property
    def agent_state(self) -> Path:
        """Where the agent keeps its position."""
        return self.directory / "agent" / "position"

    @property
    def authority(self) -> Path:
        """Who signed the operator's certificate."""
        return self.directory / "ca.crt"

    def path_of(self, instance: str) -> str:
        """Where an instance posts."""
        return f"/ingest/v1/{WEBHOOK}/{instance}"

    def make(self) -> None:
        """Directories, certificates and tokens."""
        for each in (self.log.parent, self.node_log.parent, self.agent_state.parent):
            each.mkdir(parents=True)
        authority = Authority.create("auditwatch", now=dt.datetime.now(dt.UTC))
        self.authority.write_bytes(authority.pair.certificate_pem)
        authority.issue("auditwatch", hosts=["127.0.0.1"]).write(self.directory, "webhook")
        for instance, token in TOKENS.items():
            write_secret(self.directory / f"{instance}.token", token.encode())

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The operator's configuration of them."""
        files = {"certFile": str(self.directory / "webhook.crt"), "keyFile": str(self.directory / "webhook.key")}
        senders = [{"name": name, "tokenFile": str(self.directory / f"{name}.token")} for name in TOKENS]
        return [
            {"type": "State"},
            {"type": "File", "name": FILE, "path": str(self.log), "instance": SERVER},
            {
                "type": "Webhook",
                "name": WEBHOOK,
                "listen": {"address": "127.0.0.1", "port": self.port},
                "tls": files,
                "instances": senders,
            },
        ]


class Agent:
    """``auditwatch agent`` as a process: ``start`` and ``kill`` as often as wanted."""

    def __init__(self, cluster: ControlPlane, ways: Ways) -> None:
        self._cluster = cluster
        self._configuration = ways.directory / "agent.yaml"
        self._process: Process | None = None
        settings = {
            "url": f"https://127.0.0.1:{ways.port}",
            "source": WEBHOOK,
            "instance": NODE,
            "path": str(ways.node_log),
            "stateFile": str(ways.agent_state),
            "tokenFile": str(ways.directory / f"{NODE}.token"),
            "tls": {"serverCAFile": str(ways.authority)},
            "start": "Beginning",  # it may be killed before it has saved a position for the first time
        }
        self._configuration.write_text(yaml.safe_dump(settings))

    def start(self) -> None:
        """Start the process; it does not read yet when this returns."""
        command = [sys.executable, "-m", "auditwatch", "agent", "--config", str(self._configuration)]
        self._process = self._cluster.start_process(f"agent-{NODE}", command)

    def kill(self) -> None:
        """SIGKILL; nothing where it does not run."""
        if self._process is not None:
            assert self._process.exit_code() is None, f"the agent ended by itself:\n{self._process.tail()}"
            self._process.kill()
            self._process = None
