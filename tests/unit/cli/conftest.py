"""What a command sets for its process is taken back after each test; what an API server proves itself with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.cluster.certificates import Authority

TOKEN = "a-token-of-some-length"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands send logs to the standard error of their test, which is closed when the test ends."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with ``ca.crt``, ``client.crt``, ``client.key`` and ``token``."""
    authority = Authority.create("webhook CA", now=dt.datetime.now(dt.UTC))
    (tmp_path / "ca.crt").write_bytes(authority.pair.certificate_pem)
    authority.issue("kube-apiserver").write(tmp_path, "client")
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="ascii")
    return tmp_path
