"""The image for tests: built once in a session, or a SKIP that says what is missing and how to get it."""

from pathlib import Path

import pytest

from tests.cluster.skipping import skipped_where_impossible
from tests.images.project import project_image


@pytest.fixture(scope="session")
def image_archive() -> Path:
    """The docker-archive of this checkout's image."""
    with skipped_where_impossible("the image cannot be built here"):
        return project_image()
