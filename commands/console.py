"""How long work speaks: one line per step, with the time since the start; plain text, so CI logs read the same."""

from __future__ import annotations

import sys
import time

_START = time.monotonic()


def say(text: str) -> None:
    """Prints one line of progress, prefixed by minutes and seconds since the command began. Any thread may."""
    elapsed = int(time.monotonic() - _START)
    # with its end in it: `print` writes the end by itself, and another thread's line comes between
    print(f"[{elapsed // 60:3d}:{elapsed % 60:02d}] {text}\n", end="", flush=True)


def complain(text: str) -> None:
    """Prints an error on stderr."""
    print(f"error: {text}", file=sys.stderr, flush=True)


def seconds() -> float:
    """Seconds since the command began."""
    return time.monotonic() - _START


def minutes(estimate: float) -> str:
    """A duration in seconds as people say it: `40 s`, `6.5 min`."""
    return f"{estimate:.0f} s" if estimate < 90 else f"{estimate / 60:.1f} min"
