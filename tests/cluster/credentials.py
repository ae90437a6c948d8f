"""The keys, tokens and kubeconfigs of one control plane, made when it starts."""

import datetime as dt
import secrets
import ssl
from pathlib import Path
from typing import Self

from tests.cluster import certificates
from tests.cluster.certificates import Authority, KeyPair
from tests.cluster.components import FRONT_PROXY_USER, SERVER_HOSTS
from tests.cluster.identities import (
    CONTROLLER_MANAGER,
    IDENTITIES,
    KUBELET_CLIENT,
    Identity,
    certificate_user,
    kubeconfig,
    token_file,
)


class Credentials:
    """Everything that proves who somebody is, in `directory`."""

    def __init__(self, *, directory: Path, authority: Authority, server: str) -> None:
        self.directory = directory
        self.authority = authority
        self.server = server
        self.tokens = {identity: secrets.token_urlsafe(24) for identity in IDENTITIES}
        self._pairs = {
            identity: authority.issue(identity.user, groups=identity.groups)
            for identity in (*IDENTITIES, CONTROLLER_MANAGER, KUBELET_CLIENT)
        }

    @classmethod
    def create(cls, *, directory: Path, server: str, now: dt.datetime) -> Self:
        """Make all keys and write the files that the components read."""
        directory.mkdir(mode=0o700)
        credentials = cls(directory=directory, authority=Authority.create("test-ca", now=now), server=server)
        credentials._write_server_files(Authority.create("test-front-proxy-ca", now=now))
        certificates.write_secret(credentials.token_file, token_file(credentials.tokens).encode())
        for identity in credentials._pairs:
            credentials._write_kubeconfig(identity)
        return credentials

    @property
    def authority_file(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def token_file(self) -> Path:
        return self.directory / "tokens.csv"

    def kubeconfig(self, identity: Identity) -> Path:
        return self.directory / f"{identity.key}.kubeconfig"

    def kubeconfig_with(self, *, name: str, user: dict[str, str], namespace: str) -> Path:
        """Write a kubeconfig for somebody who is not one of the identities."""
        path = self.directory / f"{name}.kubeconfig"
        content = kubeconfig(
            name=name,
            server=self.server,
            authority=self.authority.pair.certificate_pem,
            user=user,
            namespace=namespace,
        )
        certificates.write_secret(path, content.encode())
        return path

    def client(self, identity: Identity) -> Path:
        """A kubeconfig with a fresh certificate for somebody who is not one of the identities: a component."""
        pair = self.authority.issue(identity.user, groups=identity.groups)
        user = certificate_user(pair.certificate_pem, pair.key_pem)
        return self.kubeconfig_with(name=identity.key, user=user, namespace="default")

    def server_certificate(self, name: str, *, hosts: tuple[str, ...]) -> KeyPair:
        """A certificate for a server of a test: a receiver, an aggregated API, a kubelet."""
        pair = self.authority.issue(name, hosts=hosts)
        pair.write(self.directory, name)
        return pair

    def tls(self, identity: Identity) -> ssl.SSLContext:
        """Speak to the API server as `identity`."""
        context = ssl.create_default_context(cafile=str(self.authority_file))
        context.load_cert_chain(self.directory / f"{identity.key}.crt", self.directory / f"{identity.key}.key")
        return context

    def _write_server_files(self, front_proxy: Authority) -> None:
        self.authority.pair.write(self.directory, "ca")
        front_proxy.pair.write(self.directory, "front-proxy-ca")
        front_proxy.issue(FRONT_PROXY_USER).write(self.directory, FRONT_PROXY_USER)
        for server in ("apiserver", "controller-manager-server"):
            self.server_certificate(server, hosts=SERVER_HOSTS)
        signing = certificates.new_key()
        certificates.write_secret(self.directory / "sa.key", certificates.private_pem(signing))
        (self.directory / "sa.pub").write_bytes(certificates.public_pem(signing))

    def _write_kubeconfig(self, identity: Identity) -> None:
        pair = self._pairs[identity]
        pair.write(self.directory, identity.key)
        self.kubeconfig_with(
            name=identity.key,
            user=certificate_user(pair.certificate_pem, pair.key_pem),
            namespace="default",
        )
