"""How a figure is printed."""

from __future__ import annotations


def show(what: str, value: float, unit: str) -> None:
    """One line of the report."""
    print(f"{what:.<64} {value:10.1f} {unit}", flush=True)
