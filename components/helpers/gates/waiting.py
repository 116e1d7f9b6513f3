"""Waiting for a promise, within bounds, and what is said when it is not kept.

Owns the rhythm, the progress lines and the words of a failure: what was measured, what is needed, what to do. Leaves
measuring to the gates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import HelperError
from ..log import log

PAUSE = 3.0
"""Seconds between two looks; an emulated control plane notices clients that ask more often."""

SAY_AFTER = 15.0
"""Seconds between two progress lines."""

SHOWN = 5
"""Unmet promises that a line or a failure names; the others are counted."""

NODE_SILENT = "see that its machine runs and that SSH answers with the host key it was made with"
API_SILENT = "see that the control plane's machine runs: 'crictl ps -a' there shows its containers"


@dataclass(frozen=True)
class Unmet:
    """One thing that does not hold yet."""

    measured: str
    """What is there instead, e.g. "w1: 1 of 2 sessions"."""
    fix: str
    """What a person can do when it stays so."""


@dataclass(frozen=True)
class Promise:
    """What a gate waits for."""

    gate: str
    """Its verb, e.g. bgp."""
    needed: str
    """In words, e.g. "every node has an Established BGP session with every other node"."""


def until_kept(promise: Promise, seconds: float, look: Callable[[], Sequence[Unmet]], pause: float = PAUSE) -> float:
    """Looks until everything holds; seconds waited. HelperError after `seconds`, with what the last look found.

    An OSError of `look` (the API does not answer) is one more thing to wait for.
    """
    start = time.monotonic()
    said = start
    while True:
        try:
            unmet = look()
        except OSError as error:
            unmet = [Unmet(str(error), API_SILENT)]
        now = time.monotonic()
        if not unmet:
            return round(now - start, 1)
        if now - start >= seconds:
            raise HelperError(failure(promise, unmet, seconds))
        if now - said >= SAY_AFTER:
            said = now
            log(f"waiting for {now - start:.0f} s: {_listed([unmet.measured for unmet in unmet])}")
        time.sleep(min(pause, max(0.0, start + seconds - now)))


def failure(promise: Promise, unmet: Sequence[Unmet], seconds: float | None = None) -> str:
    """The gate's last words; `seconds`: how long it has waited, None where waiting cannot help."""
    fixes = list(dict.fromkeys(unmet.fix for unmet in unmet))[:SHOWN]
    longer = "if it only needs longer here: raise gates.timeout_seconds and run up again"
    return "\n".join(
        [
            f"gate {promise.gate}: not kept" + (f" within {seconds:.0f} s" if seconds is not None else ""),
            f"  measured: {_listed([unmet.measured for unmet in unmet])}",
            f"  needed: {promise.needed}",
            *(f"  to do: {fix}" for fix in [*fixes, *([longer] if seconds is not None else [])]),
        ]
    )


def _listed(texts: Sequence[str]) -> str:
    more = f"; and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return "; ".join(texts[:SHOWN]) + more
