"""``python -m tests.images``: build the image unless it was built before, and print where it is and how large."""

import argparse
import sys

from tests.cluster.commands import exit_code
from tests.images import buildah
from tests.images.emulation import EMULATORS
from tests.images.project import project_image, reference


def main() -> int:
    """Exit code 0. ClusterError where it cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m tests.images", description="Build the operator's image.")
    parser.add_argument(
        "--arch",
        choices=sorted(EMULATORS),
        default=buildah.architecture(),
        help="whom it is for; another one than the machine's is built under QEMU, in minutes (default: %(default)s)",
    )
    target = parser.parse_args().arch
    archive = project_image(target)
    sys.stdout.write(f"{archive}\n{reference(target)}, {archive.stat().st_size / 1e6:.0f} MB unpacked\n")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
