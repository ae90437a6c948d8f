"""`auditwatch crds`: writes the CustomResourceDefinitions, or tells whether the written ones are current."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auditwatch.api.crd import render


def crds(
    output_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Directory to write to, one file per kind; default: print.")
    ] = None,
    check: Annotated[  # noqa: FBT002  # a command-line flag; nobody calls this by position
        bool, typer.Option("--check", help="Write nothing; fail if a file differs from what would be written.")
    ] = False,
) -> None:
    """Print the CustomResourceDefinitions, write them, or check written ones (exit code 1 where they differ)."""
    files = render()
    if check:
        _check(output_dir or Path("crds"), files)
    elif output_dir is None:
        typer.echo("---\n".join(files.values()), nl=False)
    else:
        _write(output_dir, files)


def stale(directory: Path, files: dict[str, str]) -> list[Path]:
    """The files below ``directory`` that are missing or differ from ``files`` (name → text)."""
    paths = {directory / name: text for name, text in files.items()}
    return [path for path, text in paths.items() if not path.is_file() or path.read_bytes() != text.encode()]


def _check(directory: Path, files: dict[str, str]) -> None:
    different = stale(directory, files)
    for path in different:
        typer.echo(f"{path}: not current; run: auditwatch crds --output-dir {directory}", err=True)
    if different:
        raise typer.Exit(1)


def _write(directory: Path, files: dict[str, str]) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        typer.echo(f"cannot write {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
