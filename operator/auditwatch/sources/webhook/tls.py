"""The certificates a source listens with: read again when their files change, never for the worse."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

import structlog

from auditwatch.sources.webhook.plan import TLSFiles

log = structlog.get_logger()


class TLSFilesError(Exception):
    """A file cannot be used; the message names it and the fix."""


def context_of(files: TLSFiles) -> ssl.SSLContext:
    """What connections are made under. Raises :class:`TLSFilesError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Without tickets each connection proves its certificate anew, also after the CA was changed.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    _load_pair(context, files)
    if files.client_authority is not None:
        _load_authority(context, files.client_authority)
    return context


class TLSKeeper:
    """The context of this moment. ``problem``: why the files as they are now are not used; empty where they are.

    Raises :class:`TLSFilesError` where there is nothing to begin with.
    """

    def __init__(self, files: TLSFiles) -> None:
        self._files = files
        self._seen = _fingerprint(files)
        self.context = context_of(files)
        self.problem = ""

    def refresh(self) -> bool:
        """Look at the files; whether new ones are used from now on."""
        now = _fingerprint(self._files)
        if now == self._seen:
            return False
        self._seen = now
        try:
            self.context = context_of(self._files)
        except TLSFilesError as error:
            self.problem = f"the new certificate files are not used: {error}"
            log.error("the former certificates stay in use", problem=str(error))  # noqa: TRY400 - a message for people
            return False
        self.problem = ""
        log.info("new certificate files are used", certificate=str(self._files.certificate))
        return True

    def is_current(self, context: ssl.SSLContext | None) -> bool:
        """Whether a connection was made under the certificates of this moment."""
        return context is self.context


def _load_pair(context: ssl.SSLContext, files: TLSFiles) -> None:
    for path in (files.certificate, files.key):
        _read(path)
    try:
        context.load_cert_chain(files.certificate, files.key, password=lambda: "")
    except (ssl.SSLError, OSError) as error:
        raise TLSFilesError(
            f"{files.certificate} and {files.key} do not fit together or are not PEM ({_reason(error)}); "
            "give a certificate chain and its unencrypted key"
        ) from error


def _load_authority(context: ssl.SSLContext, path: Path) -> None:
    pem = _read(path)
    try:
        context.load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        raise TLSFilesError(f"{path} holds no CA certificates in PEM ({_reason(error)})") from error
    context.verify_mode = ssl.CERT_OPTIONAL


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TLSFilesError(f"{path} cannot be read: {error.strerror}; mount it readable for this process") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error)


def _fingerprint(files: TLSFiles) -> tuple[bytes, ...]:
    return tuple(_content(path) for path in (files.certificate, files.key, files.client_authority))


def _content(path: Path | None) -> bytes:
    """A hash of the file, because clocks and mounted volumes make times unreliable; empty where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).digest() if path else b""
    except OSError:
        return b""
