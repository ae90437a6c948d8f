"""The half of K10's API that kube-apiserver serves itself: custom resource definitions."""

from dataclasses import dataclass
from typing import Any

from tests.k10 import shapes
from tests.k10.shapes import OPEN, Schema

DOMAIN = "kio.kasten.io"
KANISTER = "cr.kanister.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One namespaced custom resource; `body` are its fields beside metadata."""

    group: str
    kind: str
    plural: str
    body: dict[str, Schema]

    def manifest(self) -> dict[str, Any]:
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{self.plural}.{self.group}"},
            "spec": {
                "group": self.group,
                "scope": "Namespaced",
                "names": {
                    "kind": self.kind,
                    "listKind": f"{self.kind}List",
                    "plural": self.plural,
                    "singular": self.kind.lower(),
                },
                "versions": [self._version()],
            },
        }

    def _version(self) -> dict[str, Any]:
        base = {name: {"type": "string"} for name in ("apiVersion", "kind")}
        properties = {**base, "metadata": {"type": "object"}, **self.body}
        return {
            "name": "v1alpha1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
        }


def definitions(domain: str = DOMAIN) -> list[dict[str, Any]]:
    """All manifests, for an API domain."""
    own = [
        Definition(group=f"{family}.{domain}", kind=kind, plural=plural, body={"spec": spec, "status": OPEN})
        for family, kind, plural, spec in _K10
    ]
    return [definition.manifest() for definition in (*own, *_KANISTER)]


_K10: tuple[tuple[str, str, str, Schema], ...] = (
    ("config", "Policy", "policies", shapes.POLICY),
    ("config", "PolicyPreset", "policypresets", shapes.PRESET),
    ("config", "Profile", "profiles", shapes.PROFILE),
    ("config", "TransformSet", "transformsets", shapes.TRANSFORM_SET),
    ("config", "BlueprintBinding", "blueprintbindings", shapes.BLUEPRINT_BINDING),
    ("config", "AuditConfig", "auditconfigs", shapes.AUDIT_CONFIG),
    ("config", "StorageSecurityContext", "storagesecuritycontexts", OPEN),
    ("config", "StorageSecurityContextBinding", "storagesecuritycontextbindings", OPEN),
    ("config", "ActionPodSpec", "actionpodspecs", OPEN),
    ("config", "ActionPodSpecBinding", "actionpodspecbindings", OPEN),
    ("dist", "Bootstrap", "bootstraps", OPEN),
    ("dist", "Cluster", "clusters", OPEN),
    ("dist", "Distribution", "distributions", OPEN),
    ("auth", "K10ClusterRole", "k10clusterroles", OPEN),
    ("auth", "K10ClusterRoleBinding", "k10clusterrolebindings", shapes.K10_BINDING),
    ("reporting", "Report", "reports", OPEN),
    ("datamover", "FileRecoverySession", "filerecoverysessions", shapes.FILE_RECOVERY),
)
_KANISTER = (
    Definition(group=KANISTER, kind="Blueprint", plural="blueprints", body={"actions": shapes.BLUEPRINT_ACTIONS}),
    Definition(group=KANISTER, kind="ActionSet", plural="actionsets", body={"spec": OPEN, "status": OPEN}),
    Definition(
        group=KANISTER,
        kind="Profile",
        plural="profiles",
        body={"location": OPEN, "credential": OPEN, "skipSSLVerify": shapes.FLAG},
    ),
)
