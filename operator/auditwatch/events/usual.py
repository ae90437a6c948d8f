"""What most lines of an audit log hold, to tell which texts are rare in one.

A search for several texts at once looks for their first bytes. Where those stand in every line (``"na``, ``:"a``) it
stops everywhere; a text that is entered where its bytes are rare is found three times as fast. Measured over a log of
level Metadata with 18 texts: 5 GB/s from their beginnings, 13 GB/s from their rarest three bytes.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

MIN_LENGTH: Final = 8
"""Bytes that are left of a text; shorter ones are in too many lines."""
_LOOKED_FOR: Final = 3
"""Bytes that the search looks for first."""

_LINES: Final = (
    b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"0b0c3f9e-5a57-4f1c-9d3e-00000012a7b4",'
    b'"stage":"ResponseComplete","requestURI":"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker-1'
    b'?timeout=10s","verb":"update","user":{"username":"system:node:worker-1","uid":"0b0c3f9e-5a57","groups":['
    b'"system:nodes","system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":["X509SHA256=5a"]}},'
    b'"sourceIPs":["10.0.12.34"],"userAgent":"kubelet/v1.37.2 (linux/amd64) kubernetes/4ac6b1e","objectRef":{'
    b'"resource":"leases","namespace":"kube-node-lease","name":"worker-1","uid":"14be99f8-ebb7",'
    b'"apiGroup":"coordination.k8s.io","apiVersion":"v1","resourceVersion":"93076016"},"responseStatus":{"metadata":{},'
    b'"code":200},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z","stageTimestamp":"2026-01-01T00:00:00.000000Z",'
    b'"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}\n'
    b'{"requestURI":"/api/v1/namespaces/shop/pods?fieldSelector=spec.nodeName%3Dworker-1\\u0026limit=500","verb":"list",'
    b'"user":{"username":"system:serviceaccount:kube-system:deployment-controller","groups":["system:serviceaccounts",'
    b'"system:serviceaccounts:kube-system"],"extra":{"authentication.kubernetes.io/node-name":["worker-1"],'
    b'"authentication.kubernetes.io/pod-name":["kube-controller-manager-x"],"authentication.kubernetes.io/pod-uid":["9"]}}'
    b'"objectRef":{"resource":"pods","namespace":"shop","apiVersion":"v1","subresource":"status"},"responseStatus":{},'
    b'"annotations":{"authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \\"system:controller\\" of '
    b'ClusterRole \\"system:controller\\" to ServiceAccount \\"deployment-controller/kube-system\\""}}\n'
)
_PLACES: Final = Counter(_LINES[start : start + _LOOKED_FOR] for start in range(len(_LINES)))
"""How often each beginning is in them."""


def from_its_rarest(text: bytes) -> bytes:
    """The end of ``text`` that begins with its rarest bytes; the longest where several are as rare."""
    starts = range(max(1, len(text) - MIN_LENGTH + 1))
    return text[min(starts, key=lambda start: _beginnings(text[start:])) :]


def stops(text: bytes) -> int:
    """In how many places of a usual log the search for ``text``, entered where it is rarest, stops in vain."""
    return _beginnings(from_its_rarest(text))


def _beginnings(text: bytes) -> int:
    return _PLACES[text[:_LOOKED_FOR]]
