"""Commands ask the cluster that was looked at: a kubeconfig or context that was given stands in each."""

from __future__ import annotations

import pytest

from auditwatch.doctor.lines import Line, aimed


def _aimed(command: str, kubeconfig: str = "", context: str = "") -> str:
    (line,) = aimed([Line("c", "problem", "m", command)], kubeconfig=kubeconfig, context=context)
    return line.command


@pytest.mark.parametrize(
    ("command", "with_both"),
    [
        ("kubectl cluster-info", "kubectl --kubeconfig kc --context c cluster-info"),
        (
            "auditwatch crds | kubectl apply --filename -",
            "auditwatch crds | kubectl --kubeconfig kc --context c apply --filename -",
        ),
        (
            "kubectl get a; kubectl logs b | grep -c kubectl",
            "kubectl --kubeconfig kc --context c get a; kubectl --kubeconfig kc --context c logs b | grep -c kubectl",
        ),
        ("helm list --namespace n", "helm --kubeconfig kc --kube-context c list --namespace n"),
        ("auditwatch doctor --namespace n", "auditwatch doctor --kubeconfig kc --context c --namespace n"),
        ("auditwatch policy render > policy.yaml", "auditwatch policy render > policy.yaml"),
        ("", ""),
    ],
)
def test_every_program_that_asks_a_cluster_asks_that_one(command: str, with_both: str) -> None:
    assert _aimed(command, "kc", "c") == with_both
    assert _aimed(command) == command


def test_what_a_shell_would_take_apart_is_quoted() -> None:
    assert _aimed("kubectl get a", "my kc") == "kubectl --kubeconfig 'my kc' get a"
    assert _aimed("kubectl get a", context="a\\b$c") == "kubectl --context 'a\\b$c' get a"
