"""A test that cannot run on this machine is a SKIP that says what is missing and how to get it, never a pass."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.node.requirements import NoNodeHereError
from tests.images.packages import MissingPackagesError


@contextmanager
def skipped_where_impossible(what: str) -> Iterator[None]:
    """``what`` cannot be done here: said where packages are missing, or the machine is not able to."""
    try:
        yield
    except (MissingPackagesError, NoNodeHereError) as problem:
        pytest.skip(f"{what}: {problem}")
