"""A CA and a serving certificate of the operator's own, where the installer gives none: TLS is not optional here.

The CA lives long, so that what senders were told to trust stays true; the serving certificate is made anew whenever a
third of its life is left or the names it is for change. A clock that is behind replaces neither: it is told of, for to
replace the CA would cut off every sender for good.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from auditwatch.sources.webhook.plan import SelfMade, TLSFiles

AUTHORITY_NAME: Final = "k10-auditwatch webhook CA"
AUTHORITY_LIFE: Final = timedelta(days=3650)
SERVING_LIFE: Final = timedelta(days=90)
RENEW_BEFORE: Final = timedelta(days=30)
SKEW: Final = timedelta(hours=1)
"""How far behind the clocks of senders may be."""

Random = Callable[[], int]
"""Serial numbers: positive, at most 159 bits, never the same twice."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Ensured(NamedTuple):
    """What there is to serve with, what was done for it, and what is wrong with it; the last two are sentences."""

    files: TLSFiles
    done: list[str]
    problem: str = ""


class SelfMadeError(Exception):
    """The directory cannot hold certificates; the message names it and the fix."""


def ensure(where: SelfMade, *, now: datetime, serial: Random) -> Ensured:
    """The files to serve with, made or renewed where needed.

    ``now`` is aware of its zone. Raises :class:`SelfMadeError`.
    """
    done: list[str] = []
    try:
        where.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _ensured_authority(where.directory, now, serial, done)
        _ensure_serving(where, authority, now, serial, done)
    except OSError as error:
        raise SelfMadeError(
            f"{where.directory}: cannot keep certificates: {error.strerror}; make it writable, or give tls.certFile"
        ) from error
    files = TLSFiles(
        certificate=where.directory / "tls.crt",
        key=where.directory / "tls.key",
        client_authority=where.client_authority,
    )
    return Ensured(files, done, _problem(where, authority, now))


def _ensured_authority(directory: Path, now: datetime, serial: Random, done: list[str]) -> Pair:
    found = _load(directory / "ca.crt", directory / "ca.key")
    if found is not None and _lasts(found, now, SERVING_LIFE):
        return found
    pair = new_authority(now=now, serial=serial())
    _store(directory, "ca", pair)
    done.append(f"a new CA was made: give every sender {directory / 'ca.crt'} (tls.caConfigMaps publishes it)")
    return pair


def _ensure_serving(where: SelfMade, authority: Pair, now: datetime, serial: Random, done: list[str]) -> None:
    found = _load(where.directory / "tls.crt", where.directory / "tls.key")
    has_begun = found is not None and (_has_begun(found, now) or not _has_begun(authority, now))
    if found is not None and has_begun and _lasts(found, now, RENEW_BEFORE) and _fits(found, authority, where.hosts):
        return
    made = max(now, authority.certificate.not_valid_before_utc + SKEW)
    _store(where.directory, "tls", new_serving(authority, where.hosts, now=made, serial=serial()))
    done.append(f"a new serving certificate was made for {', '.join(where.hosts)}")


def new_authority(*, now: datetime, serial: int) -> Pair:
    """A CA that may sign serving certificates and nothing below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(AUTHORITY_NAME)
    certificate = (
        _builder(name, name, key, serial=serial, now=now, life=AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate, key)


def new_serving(authority: Pair, hosts: tuple[str, ...], *, now: datetime, serial: int) -> Pair:
    """A certificate for a server with these names and addresses, signed by the authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    signer = authority.key.public_key()
    certificate = (
        _builder(_name(hosts[0]), issuer, key, serial=serial, now=now, life=SERVING_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Pair(certificate, key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    serial: int,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _problem(where: SelfMade, authority: Pair, now: datetime) -> str:
    if _has_begun(authority, now):
        return ""
    return (
        f"the CA in {where.authority} is valid from {authority.certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ} "
        "on, and the clock here is not there yet: set it right; the CA is kept. Only if the clock was ahead when the "
        "CA was made, delete that file: a new one is made, which every sender has to be given"
    )


def _has_begun(pair: Pair, now: datetime) -> bool:
    return pair.certificate.not_valid_before_utc <= now


def _lasts(pair: Pair, now: datetime, left: timedelta) -> bool:
    return pair.certificate.not_valid_after_utc - now > left


def _fits(found: Pair, authority: Pair, hosts: tuple[str, ...]) -> bool:
    try:
        found.certificate.verify_directly_issued_by(authority.certificate)
        names = found.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # noqa: BLE001 - whatever cannot be verified is made anew
        return False
    return list(names) == [_host(host) for host in hosts]


def _load(certificate: Path, key: Path) -> Pair | None:
    """The pair in two files; ``None`` where there is none that can be used."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != loaded.public_key():
        return None
    return Pair(loaded, private)


def _store(directory: Path, name: str, pair: Pair) -> None:
    """The key first: a certificate without its key would be served by nobody."""
    key = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(directory / f"{name}.key", key)
    _write(directory / f"{name}.crt", pair.certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable for nobody else."""
    temporary = path.with_suffix(f"{path.suffix}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
