"""Makes the stage that was chosen, and before that what it takes: binaries, Debian packages, the base image."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import build
from tests.cluster.node import requirements
from tests.demo import screen
from tests.demo.choosing import Choice
from tests.demo.node_stage import NodeStage
from tests.demo.process_stage import ProcessStage
from tests.demo.remote_stage import RemoteStage
from tests.demo.stage import Stage
from tests.images import base, buildah, project


def prepare(choice: Choice) -> None:
    """What is made or installed once and found again, each with its time."""
    screen.heading("Preparation, once")
    with screen.timed("Kubernetes and the K10 stand-in, unless they were built before"):
        build.kubernetes_binary()
        build.k10apis_binary()
    if choice.place == "node":
        with screen.timed("Debian packages, unless they are there"):
            requirements.check()
        if not project.built():
            with screen.timed("base image, unless it was made before"):
                buildah.check()
                base.ensure(buildah.architecture())


def make(choice: Choice, directory: Path, way: str) -> Stage:
    """The stage; nothing of it is there yet."""
    if choice.place == "node":
        return NodeStage(directory, way)
    if choice.place == "controlplane":
        return ProcessStage(directory, way)
    return RemoteStage(directory, way, place=choice.place)
