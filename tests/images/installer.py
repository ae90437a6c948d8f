"""How Python packages are reached here (index, proxy, certificates): handed to a build, never kept in an image."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
CERTIFICATES = "/run/secrets/ca"
"""Where the Dockerfile's builds find the bundle."""
HANDED_ON = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout", "retries")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
LINE = re.compile(r"^[\w:.]*?\.([\w-]+)='(.*)'$")


def pip_settings(listing: str) -> dict[str, str]:
    """How to reach packages, out of what ``pip config list`` printed; the last one wins, paths are left out."""
    found = [match.groups() for line in listing.splitlines() if (match := LINE.match(line))]
    order = sorted(found, key=lambda pair: pair[0].startswith("default-"))
    return {name.removeprefix("default-"): value for name, value in order if name in HANDED_ON}


def pip_configuration(settings: Mapping[str, str], *, certificates: bool) -> str:
    """A pip.conf; ``certificates``: the build is handed a bundle as well."""
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "\n".join(["[global]", *lines, *([f"cert = {CERTIFICATES}"] if certificates else []), ""])


def certificates() -> Path | None:
    """The machine's bundle, which may hold the authority of a proxy."""
    named = [os.environ.get(name, "") for name in ("PIP_CERT", "SSL_CERT_FILE")]
    return next((Path(path) for path in (*named, *CA_BUNDLES) if path and Path(path).is_file()), None)


def build_options(directory: Path) -> list[str]:
    """Options of ``buildah bud``; what they refer to is written to ``directory``, the caller's to remove."""
    bundle = certificates()
    configuration = directory / "pip.conf"
    configuration.write_text(pip_configuration(pip_settings(_listing()), certificates=bundle is not None))
    secrets = [f"--secret=id=pip,src={configuration}", *([f"--secret=id=ca,src={bundle}"] if bundle else [])]
    proxies = [f"--build-arg={name}={os.environ[name]}" for name in PROXIES if os.environ.get(name)]
    return [*secrets, *proxies]


def _listing() -> str:
    """Of this interpreter's pip, else of the one on PATH; environments made by uv have none."""
    for argv in ([sys.executable, "-m", "pip"], [shutil.which("pip3") or shutil.which("pip") or ""]):
        if not argv[0]:
            continue
        done = subprocess.run([*argv, "config", "list"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout
    return ""
