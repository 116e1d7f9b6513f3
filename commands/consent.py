"""Somebody's word before a stack that is not `local` is changed or deleted: on a terminal, else by YES and ALLOW.

Owns the questions and the two variables. Leaves what is dangerous to dangers.py. All of it raises FjordkubeError when
the word is not given: nothing was changed then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from fjordkube.errors import FjordkubeError


def require(stack: str) -> None:
    """Raises when nobody can be asked and YES is not set: called before anything is built or made."""
    if not (_yes() or _terminal()):
        raise FjordkubeError(
            f"YES: not set, and there is no terminal to ask on; look at make preview STACK={stack}, "
            f"then run make up STACK={stack} YES=1. Nothing was changed"
        )


def change(stack: str, dangers: Mapping[str, Sequence[str]]) -> None:
    """Asks whether a previewed plan is to be carried out, and for each danger's own word."""
    for word, reasons in dangers.items():
        print("".join(f"{word}: {reason}\n" for reason in reasons), end="", flush=True)
    lacking = [word for word in dangers if word not in _allowed()]
    if lacking and not _terminal():
        given = ",".join(dangers)
        raise FjordkubeError(
            f"ALLOW: does not hold {', '.join(lacking)}; if that is meant, run make up STACK={stack} YES=1 "
            f"ALLOW={given}. Nothing was changed"
        )
    for word in lacking:
        _ask(f"The plan is dangerous. Type {word} to allow that: ", word)
    if not _yes():
        _ask(f"Change stack {stack} like this? Only yes is a yes: ", "yes")


def deletion(stack: str) -> None:
    """Asks for the stack's name before all of it is deleted."""
    if _yes() and stack in _allowed():
        return
    if not _terminal():
        raise FjordkubeError(
            f"YES, ALLOW: both are needed, because there is no terminal to ask on; to delete stack {stack} and all "
            f"that is on its machines, run make down STACK={stack} YES=1 ALLOW={stack}. Nothing was changed"
        )
    _ask(f"This deletes stack {stack} and everything on its machines. Type its name to go on: ", stack)


def _ask(question: str, wanted: str) -> None:
    print(question, end="", flush=True)
    if sys.stdin.readline().strip() != wanted:
        raise FjordkubeError(f"{wanted}: not typed; nothing was changed")


def _terminal() -> bool:
    # a CI's terminal has nobody behind it
    return sys.stdin.isatty() and not os.environ.get("CI")


def _yes() -> bool:
    return os.environ.get("YES") == "1"


def _allowed() -> set[str]:
    return {word.strip() for word in os.environ.get("ALLOW", "").split(",")}
