"""The generated pages of docs/reference: every shipped rule, and every field of both kinds.

`make reference` writes them (`python -m auditwatch.cli.reference docs/reference`); tests compare them with the code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from auditwatch.cli import crd_reference, rule_reference
from auditwatch.detection.packs import built_in_packs


def pages() -> dict[str, str]:
    """Each page by its name."""
    return {"rules.md": rule_reference.render(built_in_packs()[0]), **crd_reference.pages()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages into the directory given; 2 without one, 1 where one cannot be written."""
    paths = sys.argv[1:] if arguments is None else list(arguments)
    if len(paths) != 1:
        sys.stderr.write("give one directory: python -m auditwatch.cli.reference docs/reference\n")
        return 2
    for name, text in pages().items():
        path = Path(paths[0]) / name
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            sys.stderr.write(f"cannot write {path}: {error.strerror}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
