"""One parent error; each child says when to raise it. Messages name the field or thing, its state and the fix."""

from __future__ import annotations

from collections.abc import Sequence


class FjordkubeError(Exception):
    """Whatever a user can mend; shown as its message, without a traceback."""


class SettingsError(FjordkubeError):
    """A stack file that does not hold: raised once, with every problem in it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        title = f"{count} problem{'s' if count != 1 else ''} in the stack's settings:"
        super().__init__("\n".join([title, *(f"  - {p}" for p in self.problems)]))


class BundleMissing(FjordkubeError):
    """The bundle (kernel, disk, images, manifests) for these versions is not in the cache."""


class MachineError(FjordkubeError):
    """This machine cannot run what is asked: no QEMU, too little memory or disk, a port in use."""
