"""Where the kubeconfig and the flags go on each kind of cluster, and how to see that they work."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditwatch.sources.webhook.apiserver import Flag

WIDTH: Final = 110
_STATIC_POD: Final = "kubectl --namespace kube-system get pods --selector component=kube-apiserver --output yaml"


@dataclass(frozen=True, slots=True)
class Document:
    """A file, or a part of one: YAML under a heading of comments."""

    heading: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{_comments(self.heading)}{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One way of running kube-apiserver. ``directory``: on the node, for the kubeconfig."""

    name: str
    directory: str
    documents: Callable[[str, Sequence[Flag]], Iterator[Document]]
    restart: str
    is_running: str

    @property
    def config_path(self) -> str:
        """Where the kubeconfig is, for the API server as on the node."""
        return f"{self.directory}/audit-webhook.kubeconfig"


def guide(platform: Platform, *, kubeconfig: str, flags: Sequence[Flag], source: str, instance: str, trial: str) -> str:
    """Everything to do on one control-plane node, in order, as YAML documents with comments.

    ``source``, ``instance``: names in the installer's configuration. ``trial``: a command that asks as the API server.
    """
    first = Document(
        (
            f"1. On the control-plane node of {instance}: {platform.config_path}",
            "   owned by root, mode 0600: it holds what proves that this API server is who it says.",
            "   Every API server has an instance, and so a file, of its own: run this command once for each.",
        ),
        kubeconfig,
    )
    rest = [*platform.documents(platform.directory, flags), _check(platform, source, trial)]
    return "---\n".join(str(each) for each in [first, *rest])


def _check(platform: Platform, source: str, trial: str) -> Document:
    return Document(
        (
            f"3. {platform.restart}",
            "",
            "4. See that it works:",
            "   the API server runs with the flags (prints the path of the kubeconfig):",
            f"     {platform.is_running} | grep audit-webhook-config-file",
            "   nothing is lost on the way (prints nothing, or a number that does not grow):",
            "     kubectl get --raw /metrics | grep 'apiserver_audit_error_total{plugin=\"webhook\"}'",
            "   events arrive (prints Live within a minute, for each AuditWatch; else what is missing):",
            f"     kubectl get auditwatches --all-namespaces --output jsonpath='{_state_of(source)}'",
            "   if not, from the node, with the files that were given here (prints what rules look for, as JSON):",
            f"     {trial}",
        ),
        "",
    )


def _state_of(source: str) -> str:
    told = r'{.name}{"\t"}{.state}{"\t"}{.message}{"\n"}'
    return f'{{range .items[*].status.sources[?(@.name=="{source}")]}}{told}{{end}}'


def _kubeadm(directory: str, flags: Sequence[Flag]) -> Iterator[Document]:
    yield Document(
        (
            "2. In /etc/kubernetes/manifests/kube-apiserver.yaml add these lines (the kubelet restarts it at once).",
            "   An audit policy must be set too (--audit-policy-file); without one nothing is sent.",
        ),
        "spec:\n  containers:\n  - command:\n"
        + _listed(flags, "    ", "--{name}={value}")
        + "    volumeMounts:\n"
        + f"    - {{name: auditwatch, mountPath: {directory}, readOnly: true}}\n"
        + "  volumes:\n"
        + f"  - {{name: auditwatch, hostPath: {{path: {directory}, type: Directory}}}}\n",
    )
    yield Document(
        ("   For upgrades to keep them: kubectl --namespace kube-system edit configmap kubeadm-config",),
        _cluster_configuration("v1beta4", directory, flags),
    )


def _kind(directory: str, flags: Sequence[Flag]) -> Iterator[Document]:
    patches = "".join(
        "- |\n" + textwrap.indent(_cluster_configuration(version, directory, flags), "  ")
        for version in ("v1beta3", "v1beta4")
    )
    yield Document(
        (
            "2. In the configuration of kind, before the cluster is made; the file of step 1 goes to ./auditwatch.",
            "   Of the two patches the one for the version that kind uses is taken.",
            "   An audit policy must be set too (audit-policy-file); without one nothing is sent.",
        ),
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"
        "kubeadmConfigPatches:\n" + patches + "nodes:\n- role: control-plane\n  extraMounts:\n"
        f"  - {{hostPath: ./auditwatch, containerPath: {directory}, readOnly: true}}\n",
    )


def _k3s(_directory: str, flags: Sequence[Flag]) -> Iterator[Document]:
    yield Document(
        (
            "2. As /etc/rancher/k3s/config.yaml.d/auditwatch.yaml (the + adds to what config.yaml says).",
            "   An audit policy must be set too (audit-policy-file=…); without one nothing is sent.",
        ),
        "kube-apiserver-arg+:\n" + _listed(flags, "", "{name}={value}"),
    )


def _rke2(directory: str, flags: Sequence[Flag]) -> Iterator[Document]:
    yield Document(
        (
            "2. As /etc/rancher/rke2/config.yaml.d/auditwatch.yaml (the + adds to what config.yaml says).",
            "   An audit policy must be set too (audit-policy-file: …): the one RKE2 brings logs nothing.",
        ),
        "kube-apiserver-arg+:\n"
        + _listed(flags, "", "{name}={value}")
        + f'kube-apiserver-extra-mount+:\n- "{directory}:{directory}:ro"\n',
    )


def _cluster_configuration(version: str, directory: str, flags: Sequence[Flag]) -> str:
    """Of kubeadm: arguments were a map until v1beta3 and are a list since v1beta4."""
    if version == "v1beta4":
        arguments = [f'  - {{name: {flag.name}, value: "{flag.value}"}}' for flag in flags]
    else:
        arguments = [f'    {flag.name}: "{flag.value}"' for flag in flags]
    lines = [
        f"apiVersion: kubeadm.k8s.io/{version}",
        "kind: ClusterConfiguration",
        "apiServer:",
        "  extraArgs:",
        *arguments,
        "  extraVolumes:",
        f"  - {{name: auditwatch, hostPath: {directory}, mountPath: {directory}, readOnly: true}}",
    ]
    return "\n".join(lines) + "\n"


def _listed(flags: Sequence[Flag], indent: str, form: str) -> str:
    """A YAML list, each flag under its reason."""
    return "".join(
        textwrap.indent(f"{_comments([flag.why])}- {form.format(name=flag.name, value=flag.value)}\n", indent)
        for flag in flags
    )


def _comments(paragraphs: Sequence[str]) -> str:
    lines: list[str] = []
    for paragraph in paragraphs:
        is_command = paragraph.startswith("     ")
        lines += (
            [paragraph] if is_command or not paragraph else textwrap.wrap(paragraph, WIDTH, subsequent_indent="   ")
        )
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


PLATFORMS: Final = {
    platform.name: platform
    for platform in (
        Platform(
            name="kubeadm",
            directory="/etc/kubernetes/auditwatch",
            documents=_kubeadm,
            restart="The kubelet has restarted kube-apiserver as soon as its manifest was saved.",
            is_running=_STATIC_POD,
        ),
        Platform(
            name="k3s",
            directory="/etc/rancher/k3s/auditwatch",
            documents=_k3s,
            restart="systemctl restart k3s",
            is_running="journalctl --unit k3s --boot",
        ),
        Platform(
            name="rke2",
            directory="/etc/rancher/rke2/auditwatch",
            documents=_rke2,
            restart="systemctl restart rke2-server",
            is_running=_STATIC_POD,
        ),
        Platform(
            name="kind",
            directory="/etc/kubernetes/auditwatch",
            documents=_kind,
            restart="kind create cluster --config …",
            is_running=_STATIC_POD,
        ),
    )
}
