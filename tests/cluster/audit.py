"""Which audit events a test API server writes, and where they go."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

EVERYTHING = """\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: RequestResponse
"""
METADATA = """\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Metadata
"""

WebhookMode = Literal["batch", "blocking", "blocking-strict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A receiver of audit events.

    `options` are kube-apiserver's `--audit-webhook-*` flags without that prefix, for
    instance `{"batch-max-wait": "100ms", "initial-backoff": "1s"}`.
    """

    url: str
    mode: WebhookMode = "batch"
    token: str = ""
    authority: bytes = b""
    client_certificate: Path | None = None
    client_key: Path | None = None
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The audit settings of one API server; `log` is `<directory>/audit/audit.log`."""

    policy: str = METADATA
    log: bool = True
    log_options: dict[str, str] = field(default_factory=dict)
    webhook: Webhook | None = None

    def write(self, directory: Path) -> list[str]:
        """Write what kube-apiserver reads into `directory`; return its flags."""
        directory.mkdir(exist_ok=True)
        policy = directory / "policy.yaml"
        policy.write_text(self.policy)
        flags = [f"--audit-policy-file={policy}"]
        if self.log:
            flags += [f"--audit-log-path={log_path(directory)}"]
            flags += [f"--audit-log-{name}={value}" for name, value in self.log_options.items()]
        if self.webhook:
            flags += _webhook_flags(self.webhook, directory / "webhook.kubeconfig")
        return flags


def log_path(directory: Path) -> Path:
    return directory / "audit.log"


def _webhook_flags(webhook: Webhook, config: Path) -> list[str]:
    config.touch(mode=0o600)
    config.write_text(json.dumps(_webhook_config(webhook), indent=1))
    return [
        f"--audit-webhook-config-file={config}",
        f"--audit-webhook-mode={webhook.mode}",
        *(f"--audit-webhook-{name}={value}" for name, value in webhook.options.items()),
    ]


def _webhook_config(webhook: Webhook) -> dict[str, object]:
    cluster: dict[str, str] = {"server": webhook.url}
    if webhook.authority:
        cluster["certificate-authority-data"] = base64.b64encode(webhook.authority).decode()
    user: dict[str, str] = {"token": webhook.token} if webhook.token else {}
    if webhook.client_certificate and webhook.client_key:
        user["client-certificate"] = str(webhook.client_certificate)
        user["client-key"] = str(webhook.client_key)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "receiver", "cluster": cluster}],
        "users": [{"name": "kube-apiserver", "user": user}],
        "contexts": [{"name": "audit", "context": {"cluster": "receiver", "user": "kube-apiserver"}}],
        "current-context": "audit",
    }
