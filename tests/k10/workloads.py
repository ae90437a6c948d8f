"""What K10's Helm chart installs into its namespace, as an attacker finds it there."""

from typing import Any

NAMESPACE = "kasten-io"
ACCOUNT = "k10-k10"
API_DEPLOYMENT = "aggregatedapis-svc"
FAMILIES = ("actions", "apps", "dr", "repositories", "vault")

Manifest = dict[str, Any]

DEPLOYMENTS: dict[str, tuple[str, ...]] = {
    API_DEPLOYMENT: (API_DEPLOYMENT,),
    "auth-svc": ("auth-svc",),
    "catalog-svc": ("catalog-svc", "kanister-sidecar"),
    "controllermanager-svc": ("controllermanager-svc",),
    "crypto-svc": ("crypto-svc", "bloblifecyclemanager-svc", "garbagecollector-svc", "repositories-svc"),
    "dashboardbff-svc": ("dashboardbff-svc", "vbrintegrationapi-svc"),
    "executor-svc": ("executor-svc", "tools"),
    "frontend-svc": ("frontend-svc",),
    "gateway": ("gateway",),
    "jobs-svc": ("jobs-svc",),
    "kanister-svc": ("kanister-svc",),
    "logging-svc": ("logging-svc",),
    "metering-svc": ("metering-svc",),
    "state-svc": ("state-svc", "events-svc"),
}
CLAIMS = ("catalog", "jobs", "logging", "metering")
SECRETS: dict[str, dict[str, str]] = {
    "k10-cluster-passphrase": {"passphrase": "correct-horse-battery-staple"},
    "k10-encryption-primary-key": {"key": "a-key-only-for-tests"},
    "k10-dr-secret": {"key": "dr-passphrase-only-for-tests"},
    "k10-oidc-auth": {"client-secret": "only-for-tests"},
    "k10-token-auth": {"auth": "true"},
    "k10-license": {"license": "only-for-tests"},
    "k10-s3-secret": {"aws_access_key_id": "AKIDONLYFORTESTS", "aws_secret_access_key": "only-for-tests"},
}
CONFIG_MAPS: dict[str, dict[str, str]] = {
    "k10-config": {"loglevel": "info", "excludedApps": "kube-system,kube-node-lease", "apiDomain": "DOMAIN"},
    "k10-features": {"features": "{}"},
    "k10-gateway": {"envoy.yaml": "{}"},
    "k10-eula": {"text": "only for tests"},
    "k10-eula-info": {"accepted": "true"},
}
SERVER_ARGUMENTS = [
    "--secure-port=10250",
    "--cert-dir=/tmp/apiserver.local.config/certificates/",
    "--audit-policy-file=/etc/kubernetes/agg-audit-policy.yaml",
    "--enable-k10-audit-cluster=true",
]


def installation(*, domain: str, api_port: int) -> list[Manifest]:
    """Everything of the chart but namespaces, RBAC and CRDs."""
    return [
        *(_service(name) for name in DEPLOYMENTS if name != API_DEPLOYMENT),
        _api_service_target(api_port),
        *(_api_service(f"{family}.{domain}", api_port) for family in FAMILIES),
        *(_object("Secret", name, type="Opaque", stringData=data) for name, data in SECRETS.items()),
        *(_object("ConfigMap", name, data=_for(domain, data)) for name, data in CONFIG_MAPS.items()),
        *(_claim(f"{name}-pv-claim") for name in CLAIMS),
        *(_deployment(name, containers) for name, containers in DEPLOYMENTS.items()),
    ]


def _object(kind: str, name: str, *, api: str = "v1", labels: dict[str, str] | None = None, **body: Any) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": "k10", "release": "k10", **(labels or {})}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def _for(domain: str, data: dict[str, str]) -> dict[str, str]:
    return {name: value.replace("DOMAIN", domain) for name, value in data.items()}


def _service(name: str) -> Manifest:
    port = 80 if name == "gateway" else 8000
    return _object("Service", name, spec={"selector": {"run": name}, "ports": [{"name": "http", "port": port}]})


def _api_service_target(port: int) -> Manifest:
    """No pod network here: the name resolves to the machine that everything runs on."""
    ports = [{"name": "https", "port": port}]
    return _object(
        "Service", API_DEPLOYMENT, spec={"type": "ExternalName", "externalName": "localhost", "ports": ports}
    )


def _api_service(group: str, port: int) -> Manifest:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1alpha1.{group}", "labels": {"app": "k10", "release": "k10"}},
        "spec": {
            "group": group,
            "version": "v1alpha1",
            "groupPriorityMinimum": 2000,
            "versionPriority": 15,
            "insecureSkipTLSVerify": True,
            "service": {"name": API_DEPLOYMENT, "namespace": NAMESPACE, "port": port},
        },
    }


def _claim(name: str) -> Manifest:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}}
    return _object("PersistentVolumeClaim", name, spec=spec)


def _deployment(name: str, containers: tuple[str, ...]) -> Manifest:
    labels = {"component": name.removesuffix("-svc"), "run": name}
    pod: dict[str, Any] = {
        "serviceAccountName": ACCOUNT,
        "terminationGracePeriodSeconds": 1,
        "containers": [_container(container) for container in containers],
    }
    claim = name.removesuffix("-svc")
    if claim in CLAIMS:
        pod["volumes"] = [{"name": "state", "persistentVolumeClaim": {"claimName": f"{claim}-pv-claim"}}]
        pod["containers"][0]["volumeMounts"] = [{"name": "state", "mountPath": "/mnt/k10state"}]
    template = {"metadata": {"labels": {"app": "k10", "release": "k10", **labels}}, "spec": pod}
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"run": name}},
        "template": template,
    }
    return _object("Deployment", name, api="apps/v1", labels=labels, spec=spec)


def _container(name: str) -> dict[str, Any]:
    container: dict[str, Any] = {"name": name, "image": f"kasten/{name.removesuffix('-svc')}:9.0.9"}
    if name == API_DEPLOYMENT:
        container["args"] = SERVER_ARGUMENTS
    return container
