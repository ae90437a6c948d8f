"""Which version of K10 is installed, and whether its chart switched the audit stream on. Pure.

K10 publishes no version through its API. Its settings, the labels Helm leaves and image tags each may tell one; a tag
may be anything where images come from a mirror, so it is believed last, and only where it looks like a version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from auditwatch.doctor.facts import K10Found, Unread
from auditwatch.k10.identity import AGGREGATED_APIS

JSONObject = Mapping[str, Any]
_VERSION: Final = re.compile(r"v?(\d{1,3}\.\d{1,3}\.\d{1,3})(?:[-+][\w.-]{1,40})?")
_STREAM_FLAGS: Final = ("--audit-policy-file", "--enable-k10-audit-cluster")
"""Without any of them K10's API server writes no audit events: its chart leaves all of them out where SIEM is off."""


def version_of(k10: K10Found) -> tuple[str, str]:
    """(version, where it was read); both empty where nothing tells."""
    for where, text in _candidates(k10):
        if match := _VERSION.fullmatch(text):
            return match[1], where
    return "", ""


def stream_is_on(k10: K10Found) -> bool | None:
    """Whether its API server is started with audit flags; ``None`` where its arguments are not written."""
    words = _words(k10.deployment)
    if not words:
        return None
    values = {name: value for name, _, value in (word.partition("=") for word in words)}
    return "--audit-policy-file" in values and values.get("--enable-k10-audit-cluster", "true") != "false"


def _candidates(k10: K10Found) -> Iterator[tuple[str, str]]:
    if k10.settings is not None and not isinstance(k10.settings, Unread):
        yield "ConfigMap k10-config", str((k10.settings.get("data") or {}).get("version") or "")
    labels = k10.deployment["metadata"].get("labels") or {}
    yield "label app.kubernetes.io/version", str(labels.get("app.kubernetes.io/version") or "")
    yield "label helm.sh/chart", str(labels.get("helm.sh/chart") or "").removeprefix("k10-")
    for container in _containers(k10.deployment):
        yield "image tag", str(container.get("image") or "").partition("@")[0].rpartition(":")[2]


def _containers(deployment: JSONObject) -> list[JSONObject]:
    pod = deployment["spec"]["template"]["spec"]
    return [each for each in pod["containers"] if each.get("name") == AGGREGATED_APIS]


def _words(deployment: JSONObject) -> list[str]:
    return [
        str(word)
        for container in _containers(deployment)
        for word in [*(container.get("command") or ()), *(container.get("args") or ())]
    ]
