"""The entry point of ``python -m auditwatch`` and of the console script: small, for whatever it needs comes later."""

from __future__ import annotations

from auditwatch.cli.interrupts import leaving_at_once


def main() -> None:
    """Import the command, and be it."""
    with leaving_at_once():
        from auditwatch.cli.main import main as command  # noqa: PLC0415 - an interrupt may come meanwhile
    command()


if __name__ == "__main__":
    main()
