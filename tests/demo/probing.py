"""Looks at the machine for what the choice needs to know; changes nothing, and asks no cluster anything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.cluster.errors import ClusterError
from tests.cluster.node import images, requirements
from tests.cluster.node.requirements import NoNodeHereError
from tests.demo.choosing import Machine
from tests.images import buildah, packages, project

SECONDS: Final = 20
KIND_CONFIGURATION: Final = project.ROOT / "tests" / "e2e" / "kind.yaml"
CONFIG: Final = ("config", "view", "--minify", "-o", "json")


def look(*, kubectl: Path | None = None) -> Machine:
    """What is here. ``kubectl``: the binary with which the kubeconfig is read, if anybody wants to know of it."""
    commands = {**requirements.COMMANDS, **({} if project.built() else buildah.COMMANDS)}
    present = [name for name in commands if shutil.which(name)]
    return Machine(
        no_node=_no_node(),
        missing=packages.missing(commands, present=present),
        can_install=os.geteuid() == 0 and bool(shutil.which("apt-get")),
        no_kind=_no_kind(),
        context=context(kubectl) if kubectl else "",
    )


def context(kubectl: Path) -> str:
    """The current context of the user's kubeconfig; empty where there is none. No cluster is asked."""
    done = _run(str(kubectl), *CONFIG)
    if done is None or done.returncode != 0:
        return ""
    return str(json.loads(done.stdout).get("current-context") or "")


def _no_node() -> str:
    try:
        requirements.able()
    except NoNodeHereError as problem:
        return str(problem)
    return ""


def _no_kind() -> str:
    if not shutil.which("kind"):
        return "kind is not installed"
    if not KIND_CONFIGURATION.exists():
        return f"{KIND_CONFIGURATION} is missing: the kind cluster's audit log is set up there"
    if not images.BUSYBOX.exists():
        return f"{images.BUSYBOX} is missing, of which the stand-in's image is made (Debian: busybox-static)"
    return no_docker()


def no_docker() -> str:
    """Why Docker cannot be used; empty where it can."""
    if not shutil.which("docker"):
        return "Docker is not installed"
    done = _run("docker", "info", "--format", "{{.ServerVersion}}")
    return "" if done is not None and done.returncode == 0 else "no Docker daemon answers"


def _run(*argv: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None
    except OSError as problem:
        raise ClusterError(f"{argv[0]}: {problem.strerror}") from problem
