"""The one error of the helper programs: shown as its message, without a traceback."""

from __future__ import annotations


class HelperError(Exception):
    """What stops a verb; the message names the thing, its state and the fix."""
