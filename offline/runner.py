"""Runs steps: lanes side by side, needs first, with a word on what, how far and how long still.

Owns order, progress and cancellation. Leaves what a step does to the step.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import get_args

from offline import command
from offline.step import Lane, Step

WORD_EVERY = 30.0
"""Seconds between two lines about a step that is still running."""

Say = Callable[[str], None]


def closure(steps: Sequence[Step], wanted: Iterable[str]) -> list[Step]:
    """The wanted steps and all they need, in the catalogue's order. KeyError for an unknown name."""
    by_name = {step.name: step for step in steps}
    chosen: set[str] = set()
    open_names = list(wanted)
    while open_names:
        name = open_names.pop()
        if name not in chosen:
            chosen.add(name)
            open_names.extend(by_name[name].needs)
    return [step for step in steps if step.name in chosen]


def missing(steps: Sequence[Step], wanted: Iterable[str]) -> list[Step]:
    """What must be built to have the wanted results: what is done is not, nor what only done things need."""
    by_name = {step.name: step for step in steps}
    chosen: set[str] = set()
    open_names = list(wanted)
    while open_names:
        name = open_names.pop()
        if name not in chosen and not by_name[name].done:
            chosen.add(name)
            open_names.extend(by_name[name].needs)
    return [step for step in steps if step.name in chosen]


def remaining(steps: Sequence[Step], elapsed: dict[str, float] | None = None, timing: float = 1.0) -> float:
    """Seconds until all these steps are done: each lane in order, needs respected, `elapsed` already spent on some."""
    elapsed = elapsed or {}
    ends: dict[str, float] = {}
    lanes: dict[str, float] = dict.fromkeys(get_args(Lane), 0.0)
    waiting = list(steps)
    while waiting:
        ready = [s for s in waiting if not any(n in {w.name for w in waiting} for n in s.needs)]
        step = min(ready, key=lambda s: max(lanes[s.lane], *(ends.get(n, 0.0) for n in s.needs), 0.0))
        start = max(lanes[step.lane], *(ends.get(n, 0.0) for n in step.needs), 0.0)
        ends[step.name] = lanes[step.lane] = start + max(step.seconds * timing - elapsed.get(step.name, 0.0), 0.0)
        waiting.remove(step)
    return max(ends.values(), default=0.0)


def duration(seconds: float) -> str:
    """A time for people: 48 s, 3 min 20 s."""
    whole = max(round(seconds), 0)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60} s"


class Run:
    """One pass over the missing steps."""

    def __init__(self, steps: Sequence[Step], say: Say) -> None:
        self.steps = list(steps)
        self.say = say
        self.seconds: dict[str, float] = {}
        self._todo = list(steps)
        self._started: dict[str, float] = {}
        self._failure: BaseException | None = None
        self._change = threading.Condition()

    def go(self) -> dict[str, float]:
        """Builds everything; seconds by step. The first failure ends the other lanes too and is raised."""
        lanes = [
            threading.Thread(target=self._lane, args=(lane,), name=f"lane-{lane}", daemon=True)
            for lane in get_args(Lane)
        ]
        for lane in lanes:
            lane.start()
        said = time.monotonic()
        try:
            while any(lane.is_alive() for lane in lanes):
                with self._change:
                    self._change.wait(1.0)
                if time.monotonic() - said >= WORD_EVERY:
                    said = time.monotonic()
                    self._word()
        except BaseException:
            command.cancel()
            raise
        if self._failure:
            raise self._failure
        return self.seconds

    def _lane(self, lane: Lane) -> None:
        while step := self._next(lane):
            self.say(f"{self._place(step)} {step.title} (about {duration(step.seconds * self._timing())})")
            try:
                step.make()
            except BaseException as failure:
                with self._change:
                    first, self._failure = self._failure is None, self._failure or failure
                    self._change.notify_all()
                if first:
                    command.cancel()
                return
            with self._change:
                self.seconds[step.name] = time.monotonic() - self._started.pop(step.name)
                self._change.notify_all()
            self.say(f"{self._place(step)} {step.title}: done in {duration(self.seconds[step.name])}; {self._left()}")

    def _next(self, lane: Lane) -> Step | None:
        with self._change:
            while True:
                mine = [step for step in self._todo if step.lane == lane]
                if not mine or self._failure:
                    return None
                open_names = {s.name for s in self.steps} - set(self.seconds)
                for step in mine:
                    if not open_names.intersection(step.needs):
                        self._todo.remove(step)
                        self._started[step.name] = time.monotonic()
                        return step
                self._change.wait()

    def _place(self, step: Step) -> str:
        width = len(str(len(self.steps)))
        return f"[{self.steps.index(step) + 1:{width}}/{len(self.steps)}]"

    def _timing(self) -> float:
        """How this machine compares with the reference, from what it has finished; within sane bounds."""
        reference = sum(step.seconds for step in self.steps if step.name in self.seconds)
        if reference < 30:
            return 1.0
        return min(max(sum(self.seconds.values()) / reference, 0.2), 5.0)

    def _left(self) -> str:
        now = time.monotonic()
        elapsed = {name: now - start for name, start in self._started.items()}
        left = [step for step in self.steps if step.name not in self.seconds]
        return f"{len(left)} to do, about {duration(remaining(left, elapsed, self._timing()))}" if left else "all done"

    def _word(self) -> None:
        now = time.monotonic()
        with self._change:
            running = ", ".join(f"{name} for {duration(now - start)}" for name, start in self._started.items())
            left = self._left()
        self.say(f"    still at it: {running}; {left}")
