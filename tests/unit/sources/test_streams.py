"""Which streams there are for the K10s of a cluster."""

from __future__ import annotations

from auditwatch.cluster.client import Timeouts
from auditwatch.cluster.requests import Resource
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import NEVER_WATCHED, WATCHED_KINDS
from auditwatch.sources.state.streams import WATCH_SECONDS, Stream, streams_of
from tests.unit.sources.making import POLICIES

DEFAULT = K10Instance()
OTHER = K10Instance(name="two", namespace="backup-two", api_domain="kio.backup.two")


def keys(*instances: K10Instance) -> list[str]:
    return [stream.key for stream in streams_of("c", instances)]


def test_every_kind_of_the_table_has_a_stream() -> None:
    assert {stream.kind.key for stream in streams_of("c", [DEFAULT])} == {kind.key for kind in WATCHED_KINDS}


def test_a_kind_of_k10s_namespaces_has_a_stream_in_each() -> None:
    assert {key for key in keys(DEFAULT) if key.startswith("pods")} == {"pods@kasten-io", "pods@kasten-io-mc"}


def test_two_k10s_have_their_own_groups_and_share_the_rest() -> None:
    found = keys(DEFAULT, OTHER)

    assert "config.kio.kasten.io/policies" in found
    assert "config.kio.backup.two/policies" in found
    assert found.count("namespaces") == 1
    assert len(found) == len(set(found))


def test_without_a_k10_the_default_one_is_waited_for() -> None:
    assert keys() == keys(DEFAULT)


def test_what_must_never_be_read_has_no_stream() -> None:
    assert not {stream.resource.name for stream in streams_of("c", [DEFAULT, OTHER])} & NEVER_WATCHED


def test_a_stream_asks_for_its_resource() -> None:
    assert Stream("c", POLICIES).resource == Resource("config.kio.kasten.io", "v1alpha1", "policies")


def test_a_watch_ends_in_order_before_silence_is_taken_for_a_failure() -> None:
    assert Timeouts().silence >= WATCH_SECONDS + 10
