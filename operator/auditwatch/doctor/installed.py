"""What an installed operator's Deployment says of where its configuration, account and journal are. Pure.

The configuration is read as it stands: whether it is valid is for the operator to say when it starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import yaml

from auditwatch.doctor.facts import JSONObject, Unread
from auditwatch.k10.identity import K10Instance

_Deployments = Sequence[JSONObject] | Unread

PRODUCT: Final = "k10-auditwatch"
PART_OF: Final = "app.kubernetes.io/part-of"
_NAME: Final = "app.kubernetes.io/name"
WEBHOOK_PORT: Final = 8443
"""Where a webhook listens that does not say it."""
DEFAULT_WATCH: Final = "k10"
"""What the default AuditWatch is called where the configuration does not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the installer's configuration switches on, as far as other objects hang on it."""

    types: frozenset[str] = frozenset({"State", "K10Stream"})
    """Of its sources."""
    lease: str = "k10-auditwatch"
    k10_namespaces: tuple[str, ...] = ()
    """Where it says K10 is, so that nobody has to look for it."""
    reviews_tokens: bool = False
    authorities: tuple[str, ...] = ()
    """ConfigMaps in which the webhook's CA is to be published, ``namespace/name``."""
    ports: frozenset[int] = frozenset()
    """On which webhooks listen."""
    default_watch: str = ""
    """Name of the AuditWatch that the operator makes where there is none."""


def is_ours(held: JSONObject) -> bool:
    """Whether an object is the operator's, whatever it is called: the chart says what it is part of, manifests who."""
    labels = held["metadata"].get("labels") or {}
    return PRODUCT in (labels.get(PART_OF), labels.get(_NAME))


def pods_selected(deployments: _Deployments) -> dict[str, str]:
    """The labels by which the first Deployment knows its pods; empty where there is none."""
    if isinstance(deployments, Unread) or not deployments:
        return {}
    return dict(deployments[0]["spec"].get("selector", {}).get("matchLabels") or {})


def leads_to_webhook(service: JSONObject, deployments: _Deployments, ports: frozenset[int]) -> bool:
    """Whether a Service reaches a listener of the operator's pod, by the number or name of its port."""
    spec, chosen = service.get("spec") or {}, pods_selected(deployments)
    selector = spec.get("selector") or {}
    if not selector or not selector.items() <= chosen.items():
        return False
    names = {
        port.get("name")
        for each in _containers(pod_of(deployments))
        for port in each.get("ports") or ()
        if port.get("containerPort") in ports
    }
    return any(port.get("targetPort", port.get("port")) in ports | names for port in spec.get("ports") or ())


def called(deployments: _Deployments) -> str:
    """The name of the first Deployment, else the one of the manifests."""
    return PRODUCT if isinstance(deployments, Unread) or not deployments else str(deployments[0]["metadata"]["name"])


def pod_of(deployments: _Deployments) -> JSONObject:
    """The pod's specification in the first Deployment; empty where there is none."""
    if isinstance(deployments, Unread) or not deployments:
        return {}
    pod: JSONObject = deployments[0]["spec"]["template"]["spec"]
    return pod


def account_of(deployments: _Deployments, namespace: str) -> str:
    """The operator's service account, ``namespace/name``: its Deployment's, else the one of the manifests."""
    return f"{namespace}/{pod_of(deployments).get('serviceAccountName') or PRODUCT}"


def settings_of(deployments: _Deployments) -> str:
    """The ConfigMap that is mounted where ``--config`` points; empty where none is."""
    pod = pod_of(deployments)
    path = next((path for each in _containers(pod) if (path := _config_path(each))), None)
    if path is None:
        return ""
    mounted = {mount["name"] for each in _containers(pod) for mount in _mounts(each) if _is_below(path, mount)}
    return next(
        (
            str(volume["configMap"].get("name") or "")
            for volume in pod.get("volumes") or ()
            if volume["name"] in mounted and volume.get("configMap")
        ),
        "",
    )


def configuration_in(config_map: JSONObject | None) -> JSONObject | None:
    """The first mapping in a ConfigMap's texts; ``None`` where there is none."""
    for text in ((config_map or {}).get("data") or {}).values():
        try:
            read = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        if isinstance(read, dict):
            return read
    return None


def claims_of(deployments: _Deployments) -> tuple[str, ...]:
    """PersistentVolumeClaims of its pod."""
    volumes = pod_of(deployments).get("volumes") or ()
    claims = (volume.get("persistentVolumeClaim") or {} for volume in volumes)
    return tuple(str(claim["claimName"]) for claim in claims if claim.get("claimName"))


def configured(configuration: JSONObject | Unread | None) -> Configured:
    """What is switched on; without a configuration that can be read the operator's defaults."""
    if configuration is None or isinstance(configuration, Unread):
        return Configured()
    lease = configuration.get("lease")
    name = str(lease.get("name") or "") if isinstance(lease, dict) else ""
    sources = _mappings(configuration.get("sources"))
    webhooks = [each for each in sources if each.get("type") == "Webhook"]
    instances = [each for webhook in webhooks for each in _mappings(webhook.get("instances"))]
    return Configured(
        types=frozenset(str(each.get("type", "State")) for each in sources) or Configured().types,
        lease=name or Configured().lease,
        k10_namespaces=tuple(
            str(each.get("namespace") or K10Instance().namespace) for each in _mappings(configuration.get("k10s"))
        ),
        reviews_tokens=any(each.get("serviceAccount") for each in instances),
        authorities=tuple(place for each in webhooks for place in _places(each.get("tls"))),
        ports=frozenset(_port(each.get("listen")) for each in webhooks),
        default_watch=_default_watch(configuration.get("defaultWatch")),
    )


def _default_watch(section: object) -> str:
    return str(section.get("name") or DEFAULT_WATCH) if isinstance(section, dict) else ""


def _port(listen: object) -> int:
    port = listen.get("port") if isinstance(listen, dict) else None
    return port if isinstance(port, int) else WEBHOOK_PORT


def _mappings(listed: object) -> list[Mapping[str, Any]]:
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _places(tls: object) -> list[str]:
    listed = tls.get("caConfigMaps") if isinstance(tls, dict) else None
    return (
        [place for place in listed if isinstance(place, str) and place.count("/") == 1]
        if isinstance(listed, list)
        else []
    )


def _containers(pod: JSONObject) -> Iterator[JSONObject]:
    yield from pod.get("containers") or ()


def _mounts(container: JSONObject) -> Iterator[JSONObject]:
    yield from container.get("volumeMounts") or ()


def _config_path(container: JSONObject) -> PurePosixPath | None:
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    for index, word in enumerate(words):
        if word.startswith("--config="):
            return PurePosixPath(word.removeprefix("--config="))
        if word == "--config" and index + 1 < len(words):
            return PurePosixPath(words[index + 1])
    return None


def _is_below(path: PurePosixPath, mount: JSONObject) -> bool:
    return path.is_relative_to(str(mount.get("mountPath") or "/nowhere"))
