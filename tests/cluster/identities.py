"""Who can talk to a test cluster: the people of our stories, as users and groups.

Each has a client certificate (in a kubeconfig) and a static bearer token, because
the two leave different traces in an audit log. Rights are not part of an identity:
only the administrator (through `system:masters`) and the tenant (through `GRANTS`)
start with any.
"""

import base64
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A user; `key` is its name in file names and on command lines."""

    key: str
    user: str
    groups: tuple[str, ...] = ()


ADMIN = Identity("admin", "kubernetes-admin", ("system:masters",))
BACKUP_OPERATOR = Identity("backup-operator", "backup-operator", ("k10-admins",))
INTRUDER = Identity("intruder", "mallory@example.com", ("developers",))
TENANT = Identity("tenant", "tina@example.com", ("team-a",))
IDENTITIES = (ADMIN, BACKUP_OPERATOR, INTRUDER, TENANT)

CONTROLLER_MANAGER = Identity("controller-manager", "system:kube-controller-manager")
KUBELET_CLIENT = Identity("kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",))

TENANT_NAMESPACE = "team-a"
GRANTS = f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {TENANT_NAMESPACE}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: team-a-edits, namespace: {TENANT_NAMESPACE}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}}
subjects:
- {{apiGroup: rbac.authorization.k8s.io, kind: Group, name: team-a}}
"""


def token_file(tokens: dict[Identity, str]) -> str:
    """The static token file of kube-apiserver: token, user, uid, groups."""
    return "".join(
        f'{token},{identity.user},uid-of-{identity.key},"{",".join(identity.groups)}"\n'
        for identity, token in tokens.items()
    )


def certificate_user(certificate: bytes, key: bytes) -> dict[str, str]:
    """The credentials of a kubeconfig that authenticates by certificate."""
    return {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}


def token_user(token: str) -> dict[str, str]:
    """The credentials of a kubeconfig that authenticates by bearer token."""
    return {"token": token}


def kubeconfig(*, name: str, server: str, authority: bytes, user: dict[str, str], namespace: str = "default") -> str:
    """A kubeconfig that needs no other file (JSON, which is YAML)."""
    context = {"cluster": "test", "user": name, "namespace": namespace}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "test",
                "cluster": {"server": server, "certificate-authority-data": _encoded(authority)},
            }
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": f"{name}@test", "context": context}],
        "current-context": f"{name}@test",
    }
    return json.dumps(content, indent=1) + "\n"


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
