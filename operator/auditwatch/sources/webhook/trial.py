"""One request from a shell, as an API server would make it: what to paste where no events arrive."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit

from auditwatch.sources.webhook.paths import NEEDLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What an API server proves itself with and knows the operator by: files, whose content nobody has to see."""

    authority: Path
    certificate: Path | None = None
    key: Path | None = None
    token: Path | None = None


def request(url: str, files: Files, *, server_name: str = "") -> str:
    """A command in one line. ``url`` has a port; ``server_name``: what the certificate is for, where not its host."""
    words = ["curl", "--cacert", str(files.authority)]
    if files.certificate and files.key:
        words += ["--cert", str(files.certificate), "--key", str(files.key)]
    if server_name:
        words += _instead(url, server_name)
        url = _under(url, server_name)
    curl = " ".join(map(quote, [*words, f"{url}/{NEEDLES}"]))
    if files.token is None:
        return curl
    # Not as an argument: those of every process are to be seen by every user.
    return f"printf 'Authorization: Bearer %s\\n' \"$(cat {quote(str(files.token))})\" | {curl} --header @-"


def _instead(url: str, server_name: str) -> list[str]:
    """The options by which curl asks for another name at the same address."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if _is_address(host):
        return ["--resolve", f"{server_name}:{port}:{_bracketed(host)}"]
    return ["--connect-to", f"{server_name}:{port}:{host}:{port}"]


def _under(url: str, server_name: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{_bracketed(server_name)}:{parts.port}").geturl()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
