"""One parent error; each child says when to raise it. Messages name the field or thing, its state and the fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MOST_LINES: Final = 40
"""Lines of a message: more are read by nobody, and push the first ones off the screen."""


class FjordkubeError(Exception):
    """Whatever a user can mend; shown as its message, without a traceback."""


class SettingsError(FjordkubeError):
    """A stack file that does not hold: raised once, with every problem in it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__(listed(self.problems, "in the stack's settings"))


class VmImageMissing(FjordkubeError):
    """The image of virtual machines (kernel, disk) for these versions is not in the cache."""


class DefinitionsMissing(FjordkubeError):
    """Calico's definitions are neither in the cache nor to be had."""


class MachineError(FjordkubeError):
    """This machine cannot run what is asked: no QEMU, too little memory or disk, a port in use."""


class UnfitComputer(MachineError):
    """What must be mended on this computer before anything is made: raised once, with every problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(listed(problems, "on this computer"))


def listed(problems: Sequence[str], place: str) -> str:
    """Problems as one message, with how many there are."""
    count = len(problems)
    title = f"{count} problem{'s' if count != 1 else ''} {place}:"
    told = problems if count < MOST_LINES else problems[: MOST_LINES - 2]
    more = [f"  - and {count - len(told)} more; mend these first"] if len(told) < count else []
    return "\n".join([title, *(f"  - {problem}" for problem in told), *more])
