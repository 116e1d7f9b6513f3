"""Folders that another process may remove while this one is about to put something there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

TRIES: Final = 100
"""How often a folder may go in a row. Each time it is another process's last removal, so a few are the most."""


def kept(make: Callable[[], T]) -> T:
    """What `make` returns, which makes the folder and what is in it; again when the folder was removed in between.

    Raises what `make` raises, FileNotFoundError and FileExistsError (a folder that went while it was found to be
    there) only when they do not end.
    """
    for _ in range(TRIES - 1):
        try:
            return make()
        except (FileNotFoundError, FileExistsError):
            continue
    return make()
