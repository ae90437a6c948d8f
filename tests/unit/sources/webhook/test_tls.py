"""Certificates that are replaced while the source runs, and files that cannot be used."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import aiohttp
import pytest

from auditwatch.journal.journal import Journal
from auditwatch.sources.webhook.authentication import certificate_name
from auditwatch.sources.webhook.plan import SelfMade, Sender, TLSFiles, WebhookPlan
from auditwatch.sources.webhook.tls import TLSFilesError, TLSKeeper, context_of
from tests.cluster.certificates import Authority
from tests.unit.sources.webhook.making import INSTANCE, SOURCE, TOKEN, Keys, Rig, event, event_list, running

BODY = event_list(event(1))


def _look(rig: Rig) -> None:
    assert rig.source._tls
    rig.source._look_at_files(rig.source._tls)


async def _served_name(rig: Rig) -> str:
    """Common name of the certificate a new connection is shown."""

    def talk(connection: ssl.SSLSocket) -> bytes:
        return certificate_name(connection.getpeercert()).encode()

    return (await rig.converse(talk)).decode()


async def test_a_new_certificate_is_served_without_a_restart(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        assert await _served_name(rig) == "server"

        rig.keys.serve("renewed")
        _look(rig)

        assert await _served_name(rig) == "renewed"
        assert (await rig.post(BODY))[0] == 200


@pytest.mark.parametrize("damaged", ["server.crt", "server.key", "ca.crt"])
async def test_a_bad_new_file_keeps_the_old_ones_and_says_so(tmp_path: Path, journal: Journal, damaged: str) -> None:
    async with running(tmp_path, journal) as rig:
        path = rig.keys.directory / damaged
        good = path.read_bytes()
        client = rig.keys.client("kube-apiserver")
        path.write_bytes(b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
        _look(rig)

        connector = aiohttp.TCPConnector(ssl=client)
        async with aiohttp.ClientSession(connector=connector) as session, session.post(rig.url(), data=BODY) as answer:
            assert answer.status == 200
        assert damaged in rig.report().message
        assert "not used" in rig.report().message

        path.write_bytes(good)
        _look(rig)
        assert rig.report().message == ""


async def test_half_of_a_new_pair_is_not_used_until_the_other_half_is_there(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        pair = rig.keys.authority.issue("renewed", hosts=["127.0.0.1"])
        (rig.keys.directory / "server.crt").write_bytes(pair.certificate_pem)
        _look(rig)
        assert await _served_name(rig) == "server"

        (rig.keys.directory / "server.key").write_bytes(pair.key_pem)
        _look(rig)
        assert await _served_name(rig) == "renewed"


async def test_a_connection_from_before_has_to_connect_again(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        connector = aiohttp.TCPConnector(ssl=rig.keys.client("kube-apiserver"), limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            async with session.post(rig.url(), data=BODY) as answer:
                assert answer.status == 200

            other = Authority.create("another CA", now=dt.datetime.now(dt.UTC))
            (rig.keys.directory / "ca.crt").write_bytes(other.pair.certificate_pem)
            _look(rig)

            async with session.post(rig.url(), data=BODY) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
            with pytest.raises((aiohttp.ClientError, ConnectionError)):
                async with session.post(rig.url(), data=BODY) as answer:
                    await answer.read()
        assert rig.report().refused == {}, "nobody did anything wrong"


async def test_a_certificate_of_another_ca_does_not_get_through_the_handshake(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        stranger = Keys(tmp_path / "stranger", "kube CA")
        stranger.client("kube-apiserver")
        context = rig.keys.client()
        context.load_cert_chain(
            stranger.directory / "client-kube-apiserver.crt", stranger.directory / "client-kube-apiserver.key"
        )
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises((aiohttp.ClientError, ConnectionError)):
                await session.post(rig.url(), data=BODY)
        assert rig.intake.records() == []


async def test_without_files_the_source_makes_its_own(tmp_path: Path, journal: Journal) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="ascii")
    made = tmp_path / "made"
    plan = WebhookPlan(
        name=SOURCE,
        cluster="prod",
        address="127.0.0.1",
        port=0,
        tls=SelfMade(directory=made, hosts=("127.0.0.1",)),
        senders=(Sender(source=SOURCE, instance=INSTANCE, token_file=token),),
    )

    async with running(tmp_path, journal, plan=plan) as rig:
        (rig.keys.directory / "ca.crt").write_bytes((made / "ca.crt").read_bytes())
        assert (await rig.post(BODY))[0] == 200
        assert await _served_name(rig) == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("server.crt", None, "cannot be read"),
        ("server.key", None, "cannot be read"),
        ("ca.crt", None, "cannot be read"),
        ("server.key", b"", "do not fit together"),
        ("ca.crt", b"", "no CA certificates"),
        ("ca.crt", b"\xff\xfe", "no CA certificates"),
    ],
)
def test_files_that_cannot_be_used_are_named_with_the_fix(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    keys = Keys(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(TLSFilesError, match=words) as caught:
        context_of(keys.files)
    assert name in str(caught.value)


def test_an_encrypted_key_asks_nobody_for_a_password(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - for this one key

    keys = Keys(tmp_path)
    key = keys.authority.issue("server", hosts=["127.0.0.1"]).key
    secret = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    (tmp_path / "server.key").write_bytes(pem)

    with pytest.raises(TLSFilesError, match="unencrypted key"):
        context_of(keys.files)


def test_files_that_did_not_change_are_not_loaded_again(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keeper = TLSKeeper(keys.files)
    before = keeper.context

    assert keeper.refresh() is False
    assert keeper.context is before
    keys.serve("renewed")
    assert keeper.refresh() is True
    assert not keeper.is_current(before)


def test_without_a_client_ca_no_certificate_is_asked_for(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    files = TLSFiles(certificate=keys.files.certificate, key=keys.files.key)

    assert context_of(files).verify_mode == ssl.CERT_NONE
    assert context_of(keys.files).verify_mode == ssl.CERT_OPTIONAL


async def test_a_certificate_that_expires_under_an_open_connection_proves_nothing_any_more(
    tmp_path: Path, journal: Journal
) -> None:
    async with running(tmp_path, journal) as rig:
        connector = aiohttp.TCPConnector(ssl=rig.keys.client("kube-apiserver"), limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            async with session.post(rig.url(), data=BODY) as answer:
                assert answer.status == 200
            (connection,) = rig.source._connections._open.values()
            connection.expires = 1.0

            async with session.post(rig.url(), data=BODY) as answer:
                assert answer.status == 401
