"""How a test makes the API server forget the past, so that old watches get 410 Gone.

Two places remember. etcd forgets when it is compacted, but kube-apiserver answers
watches from its own cache, which nothing empties while it runs: compaction alone
changes nothing for a watch. A restarted API server fills its cache from a fresh list
and knows no event before it. Both together leave no way to the past, for watches and
for the continue tokens of paged lists alike (`ControlPlane.expire_history`).
"""

import base64

from tests.cluster import api
from tests.cluster.errors import ClusterError


def compact(*, etcd_port: int) -> int:
    """Make etcd forget everything before its current revision, which is returned."""
    revision = _revision(etcd_port)
    _call(etcd_port, "compaction", {"revision": revision, "physical": True})
    return revision


def _revision(etcd_port: int) -> int:
    any_key = base64.b64encode(b"/").decode()
    header = _call(etcd_port, "range", {"key": any_key})["header"]
    return int(header["revision"])


def _call(etcd_port: int, operation: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
    answer = api.request(port=etcd_port, tls=None, method="POST", path=f"/v3/kv/{operation}", body=body)
    if answer.status != 200:
        raise ClusterError(f"etcd refuses {operation}: {answer.body.decode(errors='replace')}")
    content: dict[str, dict[str, str]] = answer.json()
    return content
