"""Where the API server is and who we are there: service account in a pod, kubeconfig everywhere else.

The official client does the loading and the refreshing of tokens; what is ours are the errors, and that nothing
is stored in its process-wide default configuration, because each event loop has a client of its own.
"""

from __future__ import annotations

import asyncio
import binascii
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import kube_config
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config

from auditwatch.cluster import embedded
from auditwatch.cluster.errors import ConfigurationError
from auditwatch.cluster.kubeconfig import checked

REFRESH_SECONDS = 60.0
DEFAULT_LOCATION = "~/.kube/config"
Refresh = Callable[[], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where and as whom, for a framework that brings its own client. Paths are of PEM files."""

    server: str
    is_service_account: bool
    """In a pod: whoever asks should read the mounted token itself, for it is replaced every hour."""
    ca_path: str | None = None
    insecure: bool = False
    certificate_path: str | None = None
    private_key_path: str | None = None
    token: str | None = None


def connection_of(configuration: Any, *, is_service_account: bool) -> Connection:
    """The client's configuration as plain values, with the token it holds now."""
    header = (
        (configuration.api_key or {}).get("BearerToken") or (configuration.api_key or {}).get("authorization") or ""
    )
    return Connection(
        server=configuration.host,
        is_service_account=is_service_account,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        token=header.removeprefix("Bearer ").removeprefix("bearer ") or None,
    )


def in_pod() -> bool:
    """Whether Kubernetes says that this process runs in one of its pods."""
    return "KUBERNETES_SERVICE_HOST" in os.environ


async def load(*, kubeconfig: Path | None, context: str | None) -> tuple[Any, Refresh]:
    """The client's configuration, and a coroutine function that keeps its token fresh until it is cancelled.

    With a ``kubeconfig`` or a ``context`` that is used; else the pod's service account; else ``$KUBECONFIG`` or
    ``~/.kube/config``. Raises :class:`ConfigurationError` with what to set.
    """
    configuration = Configuration()
    configuration.connection_pool_maxsize = 0  # every watch holds a connection of its own: no limit
    if kubeconfig is None and context is None and in_pod():
        _load_service_account(configuration)
        return configuration, _nothing_to_refresh  # its hook reads the mounted token again every minute
    return configuration, await _load_kubeconfig(configuration, kubeconfig, context)


def _load_service_account(configuration: Any) -> None:
    try:
        load_incluster_config(configuration)
    except (ConfigException, OSError) as error:
        raise ConfigurationError(
            f"in a pod, but its service account cannot be used: {error}; "
            "set automountServiceAccountToken: true or give --kubeconfig"
        ) from error


async def _load_kubeconfig(configuration: Any, kubeconfig: Path | None, context: str | None) -> Refresh:
    path = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or DEFAULT_LOCATION
    files = _files(path)
    if not files:
        raise ConfigurationError(f"{path}: no such kubeconfig; give --kubeconfig or set KUBECONFIG")
    checked(files, context)
    try:
        loader = await _loaded(configuration, path, context)
    except binascii.Error as error:
        raise ConfigurationError(f"{path}: not a usable kubeconfig: what is embedded in it is no base64") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: not a usable kubeconfig: {error}") from error
    except (ConfigException, ValueError, TypeError, KeyError, AttributeError) as error:
        # The client's loader indexes into what it found, and would tell that: a token may be part of it.
        raise ConfigurationError(f"{path}: not a usable kubeconfig: {_of_files(error)}") from error

    async def refresh() -> None:
        failed = True
        while failed:
            failed = False
            try:  # returns at once where the token or certificate is fixed
                await kube_config.refresh_token(loader, configuration, interval=REFRESH_SECONDS)
            except ConfigException:
                failed = True  # the plugin may work again later; requests say 401 meanwhile
                await asyncio.sleep(REFRESH_SECONDS)

    return refresh


async def _loaded(configuration: Any, path: str, context: str | None) -> Any:
    """The client's loader, once it has set the configuration; what is embedded stays off the disk."""
    merged = kube_config.KubeConfigMerger(path).config
    current = kube_config.KubeConfigLoader(merged, active_context=context, config_base_path=None).current_context
    used = embedded.sections(merged, current)
    if embedded.IN_MEMORY:
        for section in used:
            embedded.keep_in_memory(section)
    loader = kube_config.KubeConfigLoader(
        merged, active_context=context, config_base_path=None, temp_file_path=embedded.directory_for(used)
    )
    await loader.load_and_set(configuration)
    return loader


def _files(path: str) -> list[Path]:
    parts = [Path(part).expanduser() for part in path.split(os.pathsep) if part]
    return [part for part in parts if part.is_file()]


def _of_files(error: Exception) -> str:
    """What the client says of a file that a kubeconfig names; of all else that it does not take it."""
    is_told = isinstance(error, ConfigException) and str(error).startswith("File does not exist")
    return str(error).replace("exists:", "exist:") if is_told else "the client of Kubernetes does not take it"


async def _nothing_to_refresh() -> None:
    """A service account's token is read again by the client itself."""
