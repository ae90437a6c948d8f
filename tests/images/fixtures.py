"""The image for tests: built once in a session, or a SKIP that says what is missing and how to get it."""

from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError
from tests.images.packages import MissingPackagesError
from tests.images.project import project_image


@pytest.fixture(scope="session")
def image_archive() -> Path:
    """The docker-archive of this checkout's image."""
    try:
        return project_image()
    except MissingPackagesError as problem:
        pytest.skip(f"the image cannot be built here: {problem}")
    except ClusterError as problem:
        raise AssertionError(str(problem)) from problem
