"""The build as a whole: what is missing, built once, one build at a time.

`ensure` is what `make up` calls: with a warm cache it only looks and returns.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline import catalog, lock, manifest, source
from offline.runner import Run, duration, missing, remaining
from offline.step import Step


def say(message: str) -> None:
    """One line for a person, at once; from any thread, so its end is not written by itself."""
    print(f"{message}\n", end="", flush=True)


def resolve(names: Sequence[str] | None, steps: Sequence[Step]) -> list[str]:
    """Step names from names of steps and groups; None or nothing means all but those made on request.

    FjordkubeError for an unknown one.
    """
    if not names:
        return [step.name for step in steps if not step.on_request]
    groups = manifest.load().groups
    known = {step.name for step in steps}
    chosen: list[str] = []
    for name in names:
        if name in groups:
            chosen += groups[name]
        elif name in known:
            chosen.append(name)
        else:
            raise FjordkubeError(f"{name}: no such step or group; `python -m offline plan` lists them")
    return chosen


def ensure(names: Sequence[str] | None = None, report: Callable[[str], None] = say) -> dict[str, float]:
    """Builds what is missing of the named steps or groups (see `resolve`); seconds by step built.

    Raises FjordkubeError (a tool is missing, a step failed). Safe to call at any time and from two places at once.
    """
    sources = manifest.load()
    steps = catalog.steps()
    wanted = resolve(names, steps)
    if not missing(steps, wanted):
        source.keep(sources, steps)
        return {}
    with lock.held(cache_root() / "build.lock", report):
        steps = catalog.steps()  # again: whoever held the lock may have chosen the programs' source
        source.settle(sources, steps, missing(steps, wanted), report)
        steps = catalog.steps()
        todo = missing(steps, wanted)  # again: whoever held the lock may have built it
        if not todo:
            return {}
        report(f"{len(todo)} of {len(steps)} steps to build, about {duration(remaining(todo))}; cache {cache_root()}")
        started = time.monotonic()
        with _ended_by_signal():
            seconds = Run(todo, report).go()
        _remember(seconds)
        report(f"built {len(seconds)} steps in {duration(time.monotonic() - started)}")
        return seconds


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Turns SIGTERM into the same clean end as Ctrl-C (where signals can be handled: in the main thread)."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _remember(seconds: dict[str, float]) -> None:
    """Keeps measured times beside the cache: the source of the manifest's reference seconds."""
    path = cache_root() / "seconds.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known.update({name: round(value, 1) for name, value in seconds.items()})
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
