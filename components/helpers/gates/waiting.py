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

PAUSE = 2.0
"""Seconds between two looks where nobody tells of a change: at nodes, and through the front door. The API is not asked
that often, it tells (watched.py)."""

SAY_AFTER = 5.0
"""Seconds between two progress lines at the least; what changes faster is told in one."""

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
    detail: str = ""
    """More of it that comes and goes while nothing changes, e.g. "cp1: Active"."""

    @property
    def words(self) -> str:
        return f"{self.measured} ({self.detail})" if self.detail else self.measured


@dataclass(frozen=True)
class Promise:
    """What a gate waits for."""

    gate: str
    """Its verb, e.g. bgp."""
    needed: str
    """In words, e.g. "every node has an Established BGP session with every other node"."""


def until_kept(
    promise: Promise, seconds: float, look: Callable[[], Sequence[Unmet]], rest: Callable[[float], None] | None = None
) -> float:
    """Looks until everything holds; seconds waited. HelperError after `seconds`, with what the last look found.

    `rest` waits between two looks, at most as long as it is told. What lacks is told when it has become something else.
    An OSError of `look` (the API does not answer) is one more thing to wait for.
    """
    start = said = time.monotonic()
    told: list[str] = []
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
        lacking = [each.measured for each in unmet]
        if lacking != told and now - said >= SAY_AFTER:
            said, told = now, lacking
            log(f"not yet: {_listed(unmet)}")
        (rest or time.sleep)(min(PAUSE, max(0.0, start + seconds - now)))


def failure(promise: Promise, unmet: Sequence[Unmet], seconds: float | None = None) -> str:
    """The gate's last words; `seconds`: how long it has waited, None where waiting cannot help."""
    fixes = list(dict.fromkeys(unmet.fix for unmet in unmet))[:SHOWN]
    longer = "if it only needs longer here: raise gates.timeout_seconds and run up again"
    return "\n".join(
        [
            f"gate {promise.gate}: not kept" + (f" within {seconds:.0f} s" if seconds is not None else ""),
            f"  measured: {_listed(unmet)}",
            f"  needed: {promise.needed}",
            *(f"  to do: {fix}" for fix in [*fixes, *([longer] if seconds is not None else [])]),
        ]
    )


def _listed(unmet: Sequence[Unmet]) -> str:
    more = f"; and {len(unmet) - SHOWN} more" if len(unmet) > SHOWN else ""
    return "; ".join(each.words for each in unmet[:SHOWN]) + more
