"""``auditwatch webhook-config``: what to give kube-apiserver so that it posts its audit events here."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from auditwatch.cli import names
from auditwatch.sources.webhook.apiserver import Credentials, flags, kubeconfig
from auditwatch.sources.webhook.paths import PREFIX, place_of
from auditwatch.sources.webhook.plan import SERVER_NAME
from auditwatch.sources.webhook.platforms import PLATFORMS, guide
from auditwatch.sources.webhook.trial import Files, request

EXIT_USAGE = 2
_IN_CLUSTER = re.compile(r"\.(svc|cluster)(\.|$)")


class PlatformName(StrEnum):
    """The platforms there are words for: the keys of ``PLATFORMS``."""

    KUBEADM = "kubeadm"
    K3S = "k3s"
    RKE2 = "rke2"
    KIND = "kind"


class InputError(Exception):
    """An option cannot be used; the message names it and the fix."""


def webhook_config(
    *,
    server: Annotated[
        str, typer.Option(metavar="URL", help="How API servers reach k10-auditwatch: https://ADDRESS:PORT.")
    ],
    ca_file: Annotated[Path, typer.Option(help="CA of its serving certificate, PEM (self-made: see docs).")],
    platform: Annotated[PlatformName, typer.Option(help="How the cluster is run.")],
    client_cert: Annotated[Path | None, typer.Option(help="Client certificate of the API server, PEM.")] = None,
    client_key: Annotated[Path | None, typer.Option(help="Its private key, PEM, not encrypted.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="Instead: the bearer token of the instance.")] = None,
    source: Annotated[str, typer.Option(help="Name of the source in the installer's configuration.")] = "audit-webhook",
    instance: Annotated[str, typer.Option(help="Name of this API server there.")] = "kube-apiserver",
    tls_server_name: Annotated[
        str,
        typer.Option(help=f"Name in the serving certificate, where ADDRESS is not in it ({SERVER_NAME} if self-made)."),
    ] = "",
) -> None:
    """Print the kubeconfig of kube-apiserver's audit webhook, its flags with their reasons, and where both go.

    The output holds the credentials. Exit code 2 where an option cannot be used.
    """
    try:
        url = address(server, source, instance)
        credentials = read_credentials(client_cert, client_key, token_file)
        authority = read_authority(ca_file)
        server_name = _server_name(tls_server_name)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    place = PLATFORMS[platform]
    files = Files(authority=ca_file, certificate=client_cert, key=client_key, token=token_file)
    text = guide(
        place,
        kubeconfig=kubeconfig(url=url, authority=authority, credentials=credentials, server_name=server_name),
        flags=flags(place.config_path),
        source=source,
        instance=instance,
        trial=request(url, files, server_name=server_name),
    )
    typer.echo(text, nl=False)
    if _IN_CLUSTER.search(urlsplit(url).hostname or ""):
        typer.echo(f"warning: --server {server}: {_UNRESOLVED}", err=True)


_UNRESOLVED = (
    "API servers resolve no cluster names: give the Service a fixed address and write that, with --tls-server-name "
    f"{SERVER_NAME} if it is not in the certificate"
)


def address(server: str, source: str, instance: str) -> str:
    """The URL to post to. Raises :class:`InputError`."""
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError as error:
        raise InputError(f"--server {server}: not an address ({error}); write https://ADDRESS:PORT") from error
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise InputError(f"--server {server}: write https://ADDRESS:PORT, without a path")
    if parts.username is not None:
        raise InputError(
            "--server: credentials do not belong in it; give --client-cert and --client-key, or --token-file"
        )
    if not _is_host(parts.hostname):
        raise InputError(f"--server {server}: {parts.hostname!r} is no address and no name; write https://ADDRESS:PORT")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port is None:
        raise InputError(f"--server {server}: names no port; write https://{host}:8443, or :443 where that is meant")
    path = f"{PREFIX}{source}/{instance}"
    place = place_of(path)
    if place is None or (place.source, place.instance) != (source, instance) or names.of_namespace("", source):
        raise InputError(f"--source {source} --instance {instance}: write them as in the installer's configuration")
    return f"https://{host}:{port}{path}"


def _server_name(written: str) -> str:
    if written and not _is_host(written):
        raise InputError(names.no_domain("--tls-server-name", written))
    return written


def _is_host(written: str) -> bool:
    """An address, or a name: what has nothing but digits and dots is meant to be the first."""
    try:
        ip_address(written)
    except ValueError:
        return names.is_domain(written) and not re.fullmatch(r"[0-9.]+", written)
    return True


def read_credentials(client_cert: Path | None, client_key: Path | None, token_file: Path | None) -> Credentials:
    """What the API server proves itself with. Raises :class:`InputError`."""
    if token_file and not (client_cert or client_key):
        token = _read("--token-file", token_file).decode(errors="replace").strip()
        if not token or len(token.split()) != 1 or not token.isascii():
            raise InputError(f"--token-file {token_file}: must hold one token and nothing else")
        return Credentials(token=token)
    if client_cert and client_key and not token_file:
        return _pair(client_cert, client_key)
    raise InputError("give --client-cert and --client-key together, or --token-file: one way to prove who posts")


def _pair(client_cert: Path, client_key: Path) -> Credentials:
    certificate, key = _read("--client-cert", client_cert), _read("--client-key", client_key)
    try:
        public = x509.load_pem_x509_certificate(certificate).public_key()
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError) as error:
        raise InputError(f"--client-cert {client_cert}, --client-key {client_key}: not unencrypted PEM") from error
    if private.public_key() != public:
        raise InputError(f"--client-key {client_key} is not the key of --client-cert {client_cert}")
    return Credentials(certificate=certificate, key=key)


def read_authority(ca_file: Path) -> bytes:
    """The CA's certificates in PEM, without anything else of the file. Raises :class:`InputError`."""
    try:
        found = x509.load_pem_x509_certificates(_read("--ca-file", ca_file))
    except ValueError as error:
        raise InputError(f"--ca-file {ca_file}: holds no certificate in PEM") from error
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in found)


def _read(option: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{option} {path}: cannot be read: {error.strerror}") from error
