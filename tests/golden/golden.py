"""Compares rendered text with a checked-in file; `UPDATE_GOLDEN=1` rewrites the file instead."""

from __future__ import annotations

import os
from pathlib import Path

FILES = Path(__file__).parent / "files"


def check(name: str, text: str) -> None:
    """Fails with a diff when `text` is not what files/`name` holds."""
    path = FILES / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"no golden file {name}: run UPDATE_GOLDEN=1 pytest and read what it wrote"
    assert text == path.read_text(), f"{name} differs from what is rendered now: UPDATE_GOLDEN=1 if it is meant"
