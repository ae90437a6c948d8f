"""Kubeconfigs that cannot be used: told with the file and what it lacks, in nobody's words but ours, and no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ConfigurationError

SECRET = "a-token-nobody-may-see"
CONTEXT = {"name": "c", "context": {"cluster": "k", "user": "u"}}
CLUSTER = {"name": "k", "cluster": {"server": "https://127.0.0.1:1"}}
USER = {"name": "u", "user": {"token": SECRET}}
WHOLE = {"current-context": "c", "contexts": [CONTEXT], "clusters": [CLUSTER], "users": [USER]}


def _file(directory: Path, text: str, name: str = "config") -> Path:
    (directory / name).write_text(text, encoding="utf-8")
    return directory / name


def _written(directory: Path, **changed: Any) -> Path:
    held = {**WHOLE, **{key.replace("_", "-"): value for key, value in changed.items()}}
    return _file(directory, yaml.safe_dump({key: value for key, value in held.items() if value is not None}))


async def _refused(path: Path, context: str | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        await Cluster.connect(kubeconfig=path, context=context)
    told = str(caught.value)
    assert SECRET not in told
    assert not {"NoneType", "object", "codec", "indices", "attribute"} & set(told.replace("'", " ").split())
    return told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("just text", "holds no contexts, clusters and users"),
        ("[1]", "holds no contexts, clusters and users"),
        (f"users: [{SECRET}\n", "line 2: is no YAML: expected ',' or ']', but got '<stream end>'"),
        ("\0", "is no YAML"),
        ("a: 2027-99-99", "is no YAML"),
        ("contexts: nope", "contexts must be a list"),
        ("contexts: [nope]", "contexts[0] has no name"),
        ("users: [{user: {}}]", "users[0] has no name"),
        ("kind: Config", "no current-context is set; there are no contexts in it"),
    ],
)
async def test_what_is_no_kubeconfig_is_told_in_a_few_words(tmp_path: Path, text: str, said: str) -> None:
    path = _file(tmp_path, text)
    assert await _refused(path) == f"{path}: not a usable kubeconfig: {said}"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"current_context": None}, "no current-context is set; give --context, one of: c"),
        ({"current_context": "d"}, "there is no context 'd'; give --context, one of: c"),
        (
            {"contexts": [{"name": "c"}]},
            "context 'c' must be written {name: …, context: {cluster: …, user: …}}",
        ),
        ({"clusters": []}, "the cluster of context 'c' is not among its clusters"),
        ({"clusters": [{"name": "k"}]}, "the cluster of context 'c' is not among its clusters"),
        (
            {"clusters": [{"name": "k", "cluster": {"server": 7}}]},
            "the cluster of context 'c' has no server: write https://ADDRESS:PORT",
        ),
        ({"users": []}, "the user of context 'c' is not among its users"),
        ({"users": [{"name": "u", "token": SECRET}]}, "user 'u' must be written {name: …, user: {…}}"),
        ({"users": [{"name": "u", "user": [SECRET]}]}, "user 'u' must be written {name: …, user: {…}}"),
        (
            {"users": [{"name": "u", "user": {"client-certificate": "/no.crt", "client-key": "/no.key"}}]},
            "File does not exist: /no.crt",
        ),
        (
            {"users": [{"name": "u", "user": {"client-certificate-data": SECRET, "client-key-data": SECRET}}]},
            "what is embedded in it is no base64",
        ),
        (
            {"users": [{"name": "u", "user": {"tokenFile": [SECRET]}}]},
            "the client of Kubernetes does not take it",
        ),
    ],
)
async def test_what_a_kubeconfig_lacks_is_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    path = _written(tmp_path, **changed)
    assert await _refused(path) == f"{path}: not a usable kubeconfig: {said}"


async def test_a_context_that_is_asked_for_and_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    told = await _refused(_written(tmp_path, contexts=[CONTEXT, {**CONTEXT, "name": "b"}]), context="d")
    assert told.endswith("there is no context 'd'; give --context, one of: b, c")


async def test_a_certificate_that_is_none_is_told_as_what_it_is(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": "aGFsbG8K"}
    told = await _refused(_written(tmp_path, clusters=[{"name": "k", "cluster": cluster}]))
    assert told.startswith("the certificates or the key cannot be used: ")


async def test_what_is_broken_elsewhere_in_a_kubeconfig_keeps_nobody_from_the_context_that_is_used(
    tmp_path: Path,
) -> None:
    path = _written(tmp_path, users=[USER, {"name": "other"}], contexts=[CONTEXT, {"name": "other"}])
    async with await Cluster.connect(kubeconfig=path) as cluster:
        assert cluster.connection().token == SECRET


async def test_several_files_are_one_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    first = _file(tmp_path, yaml.safe_dump({"contexts": [CONTEXT], "users": [USER]}), "first")
    second = _file(tmp_path, yaml.safe_dump({"current-context": "c", "clusters": [CLUSTER]}), "second")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}:{tmp_path / 'absent'}")
    async with await Cluster.connect() as cluster:
        assert cluster.connection().token == SECRET


async def test_an_empty_variable_is_none_and_the_usual_place_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigurationError) as caught:
        await Cluster.connect()
    assert str(caught.value) == "~/.kube/config: no such kubeconfig; give --kubeconfig or set KUBECONFIG"
