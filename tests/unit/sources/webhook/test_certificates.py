"""The operator's own CA and serving certificate: made once, renewed in time, readable for nobody else."""

from __future__ import annotations

import itertools
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from auditwatch.sources.webhook.certificates import (
    AUTHORITY_LIFE,
    RENEW_BEFORE,
    SERVING_LIFE,
    SKEW,
    Ensured,
    SelfMadeError,
    ensure,
    new_authority,
    new_serving,
)
from auditwatch.sources.webhook.plan import SelfMade, TLSFiles
from auditwatch.sources.webhook.tls import context_of

NOW = datetime(2027, 1, 15, tzinfo=UTC)
HOSTS = ("k10-auditwatch", "10.0.0.7", "fd00::1")


class Place:
    """A directory for certificates, and serial numbers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._serials = itertools.count(1)

    def ensure(self, now: datetime = NOW, hosts: tuple[str, ...] = HOSTS) -> tuple[TLSFiles, list[str]]:
        files, done, _ = self.ensured(now, hosts)
        return files, done

    def ensured(self, now: datetime = NOW, hosts: tuple[str, ...] = HOSTS) -> Ensured:
        return ensure(SelfMade(directory=self.directory, hosts=hosts), now=now, serial=self._serials.__next__)

    def read(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "webhook" / "audit")


def test_what_is_made_serves_and_is_for_its_names(place: Place) -> None:
    files, done = place.ensure()

    assert context_of(files)
    assert len(done) == 2
    assert str(place.directory / "ca.crt") in done[0]
    serving = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = serving.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["k10-auditwatch"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7", "fd00::1"]
    assert serving.not_valid_after_utc == NOW + SERVING_LIFE


def test_nothing_of_it_is_readable_for_others(place: Place) -> None:
    place.ensure()

    assert {path.stat().st_mode & 0o777 for path in place.directory.iterdir()} == {0o600}
    assert place.directory.stat().st_mode & 0o777 == 0o700
    assert set(place.read()) == {"ca.crt", "ca.key", "tls.crt", "tls.key"}, "nothing is left over"


def test_a_second_start_changes_nothing(place: Place) -> None:
    place.ensure()
    before = place.read()

    assert place.ensure(NOW + timedelta(days=1))[1] == []
    assert place.read() == before


def test_the_serving_certificate_is_renewed_in_time_under_the_same_ca(place: Place) -> None:
    place.ensure()
    before = place.read()

    _, done = place.ensure(NOW + SERVING_LIFE - RENEW_BEFORE)

    after = place.read()
    assert len(done) == 1
    assert after["ca.crt"] == before["ca.crt"]
    assert after["tls.crt"] != before["tls.crt"]


@pytest.mark.parametrize("behind", [SKEW + timedelta(seconds=1), timedelta(days=40), timedelta(days=20_000)])
def test_a_clock_that_is_behind_replaces_nothing_and_is_told_of(place: Place, behind: timedelta) -> None:
    place.ensure()
    place.ensure(NOW + timedelta(days=61))
    before = place.read()

    _, done, problem = place.ensured(NOW - behind)

    assert (place.read(), done) == (before, [])
    assert str(place.directory / "ca.crt") in problem
    assert "set it right" in problem
    assert place.ensured(NOW + timedelta(days=61)).problem == ""
    assert place.read() == before


def test_what_is_made_while_the_clock_is_behind_serves_once_it_is_right(place: Place) -> None:
    place.ensure()
    place.ensure(NOW - timedelta(days=2), hosts=("k10-auditwatch", "10.0.0.8"))

    assert place.ensure(NOW + timedelta(hours=1), hosts=("k10-auditwatch", "10.0.0.8"))[1] == []


def test_a_serving_certificate_made_by_a_clock_that_was_ahead_is_replaced_under_the_same_ca(place: Place) -> None:
    place.ensure()
    place.ensure(NOW + timedelta(days=400))
    before = place.read()

    _, done = place.ensure()

    assert len(done) == 1
    assert place.read()["ca.crt"] == before["ca.crt"]
    assert place.read()["tls.crt"] != before["tls.crt"]


def test_other_names_need_another_certificate(place: Place) -> None:
    place.ensure()

    assert len(place.ensure(hosts=("k10-auditwatch", "10.0.0.8"))[1]) == 1


def test_a_new_ca_brings_a_new_certificate_and_says_who_must_know(place: Place) -> None:
    place.ensure()

    _, done = place.ensure(NOW + AUTHORITY_LIFE - timedelta(days=1))

    assert "give every sender" in done[0]
    assert len(done) == 2


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "tls.crt", "tls.key"])
@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_what_is_damaged_is_made_anew(place: Place, name: str, content: bytes | None) -> None:
    place.ensure()
    path = place.directory / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)

    files, done = place.ensure()

    assert done
    assert context_of(files)


def test_a_key_of_another_certificate_is_not_used(place: Place) -> None:
    place.ensure()
    (place.directory / "tls.key").write_bytes((place.directory / "ca.key").read_bytes())

    files, _ = place.ensure()

    assert context_of(files)


def test_a_certificate_of_another_ca_is_replaced(place: Place) -> None:
    place.ensure()
    stranger = new_serving(new_authority(now=NOW, serial=1), HOSTS, now=NOW, serial=2)
    place.ensure()
    from auditwatch.sources.webhook.certificates import _store  # noqa: PLC0415 - to plant it as it would be stored

    _store(place.directory, "tls", stranger)

    assert len(place.ensure()[1]) == 1


def test_a_directory_that_cannot_be_written_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="ascii")

    with pytest.raises(SelfMadeError, match=r"file.*tls\.certFile"):
        Place(tmp_path / "file").ensure()


def test_a_strict_client_verifies_the_chain(place: Place) -> None:
    files, _ = Place(place.directory).ensure(datetime.now(UTC))
    server = context_of(files)
    client = ssl.create_default_context(cafile=str(place.directory / "ca.crt"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname="k10-auditwatch")
    other = server.wrap_bio(to_server, to_client, server_side=True)

    for _ in range(4):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue

    assert one.getpeercert()
