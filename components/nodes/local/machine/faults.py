"""The one error of the machine program: shown as its message, without a traceback."""

from __future__ import annotations


class Fault(Exception):
    """A state that a user can mend; the message names the thing, its state and the fix."""
