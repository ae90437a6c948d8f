"""Write the bundle for Operator Lifecycle Manager from what installs the operator elsewhere: manifests, CRDs, examples.

``python -m scripts.bundle`` writes ``bundle/``; with ``--check`` it writes nothing, names what is stale and exits 1.
A release says ``--output``, ``--image`` and the rest: the bundle in the repository names no registry.
Format: a directory of manifests with a ClusterServiceVersion, and a directory of annotations (``registry+v1``).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from scripts.service_version import ROOT, Release, chart, crds, documents, service_version

BUNDLE = ROOT / "bundle"
CHANNEL = "alpha"
PREFIX = "operators.operatorframework.io.bundle"
SHIPPED_AS_THEY_ARE = ("configuration.yaml", "service.yaml", "rbac-k10.yaml", "roles-for-people.yaml")
"""Of these, whatever is neither granted in the ClusterServiceVersion nor of K10's namespace."""


class Text(yaml.SafeDumper):
    """Texts of several lines as blocks, so that people can read them."""


def _text(dumper: Text, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Text.add_representer(str, _text)


@dataclass(frozen=True, slots=True)
class File:
    """One file of the bundle: its path below it, and what is in it."""

    path: str
    text: str


def rendered(document: dict[str, Any]) -> str:
    """A document as YAML, in the order it was made."""
    return yaml.dump(document, Dumper=Text, sort_keys=False, width=120, allow_unicode=True)


def bundle_annotations() -> dict[str, str]:
    """What the bundle is: read from labels of its image, and from a file in it."""
    return {
        f"{PREFIX}.mediatype.v1": "registry+v1",
        f"{PREFIX}.manifests.v1": "manifests/",
        f"{PREFIX}.metadata.v1": "metadata/",
        f"{PREFIX}.package.v1": str(chart()["name"]),
        f"{PREFIX}.channels.v1": CHANNEL,
        f"{PREFIX}.channel.default.v1": CHANNEL,
        "com.redhat.openshift.versions": "v4.16",
    }


def dockerfile() -> str:
    """The bundle as an image that holds files and nothing else."""
    labels = "".join(f"LABEL {name}={value}\n" for name, value in bundle_annotations().items())
    copied = "".join(f"COPY {each} /{each}/\n" for each in ("manifests", "metadata"))
    return f"# Written by scripts/bundle.py.\nFROM scratch\n{labels}{copied}"


def others() -> list[dict[str, Any]]:
    """Objects that OLM installs beside the Deployment. It says in which namespace; nothing here does."""
    found = [each for name in SHIPPED_AS_THEY_ARE for each in documents(name)]
    bound = {each["roleRef"]["name"] for each in found if each["kind"] == "ClusterRoleBinding"}
    kept = [each for each in found if not each["kind"].endswith("Binding") and each["metadata"]["name"] not in bound]
    return [_for_olm(each) for each in kept]


def _for_olm(each: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in each["metadata"].items() if name != "namespace"}
    document = {**each, "metadata": metadata}
    if each["kind"] == "ConfigMap":
        document["data"] = {name: _not_durable(text) for name, text in each["data"].items()}
    return document


def _not_durable(text: str) -> str:
    """A bundle can bring no PersistentVolumeClaim, so the journal ends with the pod."""
    if "durable: true" not in text:
        raise SystemExit("error: manifests/configuration.yaml: `durable: true` is gone; mend scripts/bundle.py")
    return text.replace("durable: true", "durable: false")


def files(release: Release) -> list[File]:
    """Every file that is written."""
    name = chart()["name"]
    manifests = [(f"{name}.clusterserviceversion.yaml", rendered(service_version(release)))]
    manifests += [(path.name, path.read_text(encoding="utf-8")) for path in crds()]
    for each in others():
        kind, own = each["kind"].lower(), each["metadata"]["name"]
        manifests.append((f"{own}.{kind}.yaml", rendered(each)))
    written = [File(f"manifests/{path}", text) for path, text in manifests]
    metadata = rendered({"annotations": bundle_annotations()})
    return [*written, File("metadata/annotations.yaml", metadata), File("bundle.Dockerfile", dockerfile())]


def stale(directory: Path, wanted: list[File]) -> list[str]:
    """What differs, is missing, or is there and should not be; paths below ``directory``."""
    known = {each.path for each in wanted}
    there = {str(path.relative_to(directory)) for path in directory.glob("*/*")}
    differs = {
        each.path
        for each in wanted
        if not (directory / each.path).exists() or (directory / each.path).read_text(encoding="utf-8") != each.text
    }
    return sorted(differs | (there - known))


def write(directory: Path, wanted: list[File]) -> None:
    """The files, and none but them in the two directories."""
    for name in stale(directory, wanted):
        (directory / name).unlink(missing_ok=True)
    for each in wanted:
        (directory / each.path).parent.mkdir(parents=True, exist_ok=True)
        (directory / each.path).write_text(each.text, encoding="utf-8")


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the OLM bundle.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where something is stale")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to (default: bundle)")
    parser.add_argument("--image", default="", help="the operator's image, by digest")
    parser.add_argument("--created", default="", help="when the release was made, RFC 3339")
    parser.add_argument("--repository", default="", help="where the source is")
    parser.add_argument("--maintainer-email", default="", help="where maintainers are reached")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Exit code 1 where something is stale (with ``--check``)."""
    given = parsed(arguments)
    release = Release(
        image=given.image, created=given.created, repository=given.repository, email=given.maintainer_email
    )
    wanted = files(release)
    if not given.check:
        write(given.output, wanted)
        return 0
    found = stale(given.output, wanted)
    for name in found:
        print(f"{given.output.name}/{name}: is not what it repeats; run: python -m scripts.bundle")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
