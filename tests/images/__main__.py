"""``python -m tests.images``: build the image unless it was built before, and print where it is and how large."""

import sys

from tests.cluster.errors import ClusterError
from tests.images.project import REFERENCE, project_image


def main() -> int:
    """Exit code 1, with the reason, where it cannot be built."""
    try:
        archive = project_image()
    except ClusterError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(f"{archive}\n{REFERENCE}, {archive.stat().st_size / 1e6:.0f} MB unpacked\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
