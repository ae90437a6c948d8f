"""How it starts, stops, is killed, and what it leaves behind: nothing stuck, nothing lost, nothing twice."""

from __future__ import annotations

import json

from tests.live import policies
from tests.live.installation import NAMESPACE, Installation


def ready(installed: Installation) -> None:
    installed.start()
    installed.wait_ready()
    installed.watch()
    installed.wait(lambda: installed.condition("Ready").get("status") == "True", what="the AuditWatch to be Ready")


def counts(installed: Installation, rule: str) -> dict[str, int]:
    return {
        each["spec"]["target"]["name"]: each.get("status", {}).get("count", 0) for each in installed.findings_of(rule)
    }


def test_a_change_made_while_it_was_killed_is_found_once(installed: Installation) -> None:
    name = policies.make(installed.cluster, "paused-meanwhile")
    ready(installed)
    installed.kill()
    policies.pause(installed.cluster, name)

    installed.start()

    installed.wait(lambda: bool(counts(installed, "policy-paused").get(name)), what="the change made meanwhile")
    assert counts(installed, "policy-paused") == {name: 1}


def test_sigterm_ends_it_in_order_and_gives_the_lease_back(installed: Installation) -> None:
    ready(installed)

    assert installed.terminate() == 0

    lease = json.loads(installed.cluster.kubectl("get", "lease", "k10-auditwatch", "-n", NAMESPACE, "-o", "json"))
    assert not lease["spec"].get("holderIdentity")


def test_a_watch_deleted_while_it_is_down_is_gone_at_once(installed: Installation) -> None:
    for name in ("paused-unwatched", "paused-watched"):
        policies.make(installed.cluster, name)
    ready(installed)
    installed.kill()

    installed.cluster.kubectl("delete", "auditwatch", "k10", "-n", NAMESPACE, "--timeout=300s")

    installed.start()
    installed.wait_ready()
    policies.pause(installed.cluster, "paused-unwatched")
    installed.watch("other", packs=[], rules=[WITNESS])
    installed.wait(lambda: installed.condition("Ready", name="other").get("status") == "True", what="the other watch")
    policies.pause(installed.cluster, "paused-watched")
    installed.wait(lambda: bool(installed.findings_of("witness")), what="the witness")
    assert installed.findings_of("policy-paused") == []


WITNESS = {
    "name": "witness",
    "severity": "High",
    "match": {"apiGroups": ["config.kio.kasten.io"], "resources": ["policies"], "verbs": ["update", "patch"]},
}


def test_a_rule_with_a_mistake_is_left_out_and_the_others_stay_in_force(operator: Installation) -> None:
    wrong = {
        **WITNESS,
        "name": "wrong",
        "where": [{"field": "object.spec.paused", "operator": "Matches", "values": ["("]}],
    }
    operator.watch("mixed", packs=[], rules=[{**WITNESS, "name": "right"}, wrong])

    operator.wait(lambda: operator.condition("Accepted", name="mixed").get("status") == "False", what="the verdict")

    message = operator.condition("Accepted", name="mixed")["message"]
    assert "spec.rules[1].where[0]" in message
    assert "1 rule in force" in message
    seen = {rule["name"]: rule for rule in operator.watch_status("mixed")["rules"]}
    assert (seen["wrong"]["visibility"], seen["wrong"]["reason"]) == ("Blind", "InvalidRule")
    assert seen["right"]["visibility"] == "Partial"


def test_a_paused_watch_finds_nothing(operator: Installation) -> None:
    operator.watch("sleeping", paused=True, packs=[], rules=[WITNESS])

    operator.wait(lambda: operator.condition("Ready", name="sleeping").get("reason") == "Paused", what="the pause")

    assert operator.condition("Ready", name="sleeping")["status"] == "False"


def test_rules_about_what_is_not_watched_are_blind_and_say_what_opens_their_eyes(operator: Installation) -> None:
    reads = {
        name: {
            "name": f"{name}-read",
            "severity": "High",
            "match": {"apiGroups": [group], "resources": [name], "verbs": ["get"]},
        }
        for name, group in (("secrets", ""), ("passkeys", "vault.kio.kasten.io"))
    }
    operator.watch("blind", packs=[], rules=[*reads.values()])

    def seen() -> dict[str, tuple[str, str]]:
        rules = operator.watch_status("blind").get("rules", [])
        return {rule["name"]: (rule["visibility"], rule["reason"]) for rule in rules}

    expected = {"secrets-read": ("Blind", "NeedsAuditLog"), "passkeys-read": ("Partial", "NotYetObserved")}
    operator.wait(lambda: seen() == expected, what="K10's own stream to be alive, which shows passkeys and no secrets")

    message = next(rule for rule in operator.watch_status("blind")["rules"] if rule["name"] == "secrets-read")[
        "message"
    ]
    assert "connect the audit log" in message


def test_a_missing_right_blinds_the_rules_of_that_kind_and_names_the_verb(installed: Installation) -> None:
    remove = [{"op": "replace", "path": "/rules/0/resources", "value": ["policies"]}]
    installed.cluster.kubectl("patch", "clusterrole", "k10-auditwatch-reader", "--type=json", "-p", json.dumps(remove))
    installed.start()
    installed.wait_ready()
    rule = {**WITNESS, "name": "profiles", "match": {**WITNESS["match"], "resources": ["profiles"]}}  # type: ignore[dict-item]  # a literal
    installed.watch("k10", packs=[], rules=[rule])

    installed.wait(
        lambda: any(each["reason"] == "MissingPermission" for each in installed.watch_status().get("rules", [])),
        what="the missing right to be told",
    )

    message = installed.watch_status()["rules"][0]["message"]
    assert "list" in message
    assert "profiles" in message


def test_probes_and_metrics_answer(operator: Installation) -> None:
    assert operator.get("/healthz")[0] == 200
    assert operator.get("/readyz")[0] == 200
    assert "auditwatch_leader 1.0" in operator.get("/metrics")[1]
