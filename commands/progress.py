"""What the engine does, told while it does it: what, how far, how long still.

Owns the reading of the engine's event log and the lines on the terminal. Leaves words to milestones.py. All that `up`
itself prints goes to a file; its errors and warnings are shown here as they come.

The event log is a pipe and never a file: its debug events carry outputs in the clear, secrets among them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from commands.console import minutes, say
from commands.dangers import Step
from commands.milestones import gone, words

ARTIFACTS = "-host-artifacts"
"""End of the names of resources that bring software to a node."""

QUIET = 20.0
"""Seconds without news after which a line says what is still going on; without more news, the next comes after twice as
long, and so on."""

QUIET_MOST = 160.0
"""Seconds that this grows to: a CI job that says nothing for minutes may be taken for dead."""

POLL = 0.3
"""Seconds without an event after which the reader looks whether the engine has ended."""

PIPE_BYTES = 1 << 20
"""The event log's pipe (fcntl(2): as much as anyone may ask for); an event of a long script is 100 KiB and more."""

_COMMAND = re.compile(r': running "(?:[^"\\]|\\.)*"')
"""What the command plugin repeats in an error: a whole script in one line, ahead of the words that tell what failed."""

_MARKUP = re.compile(r"<\{%[^%]*%\}>")
"""The engine's colour marks in messages."""

PENDING = re.compile(r"\bpending operations\b")
"""The engine's advice to look through the state after a killed run (3.250); see Engine.settle."""

CHANGES = {"create", "update", "delete", "create-replacement", "delete-replaced", "read", "refresh"}
"""Steps that do something. The engine's step "replace" only says that the two halves of one belong together."""


@dataclass(frozen=True)
class Span:
    """One operation on one resource."""

    name: str
    kind: str
    """Type token."""
    operation: str
    start: float
    """Seconds since the engine began."""
    end: float


class Events:
    """Reads the event log of one run of the engine while it runs; `arguments` go to the engine."""

    def __init__(self, base: Path) -> None:
        base.parent.mkdir(parents=True, exist_ok=True)
        self._pipe = base.with_suffix(".events")
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    @property
    def arguments(self) -> list[str]:
        """For the engine's command line."""
        return ["--event-log", str(self._pipe)]

    def __enter__(self) -> Self:
        self._pipe.unlink(missing_ok=True)
        os.mkfifo(self._pipe, 0o600)
        # Open for writing too: the engine's opening does not wait, and its end is no end of file.
        self._handle = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._handle, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        with contextlib.suppress(BlockingIOError):
            os.write(self._handle, b"\n")  # wakes the reader
        self._thread.join()
        os.close(self._handle)
        self._pipe.unlink(missing_ok=True)

    def _follow(self) -> None:
        for event in self._read():
            if event is None:
                self._still()
            else:
                # a message that this reader does not know must not end the run
                with contextlib.suppress(KeyError, TypeError):
                    self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        raise NotImplementedError

    def _still(self) -> None:
        """Called when there was no event for a while."""

    def _read(self) -> Iterator[dict[str, Any] | None]:
        """Events as they are written; None now and then, until the engine has ended and all is read."""
        rest = b""
        while True:
            ending = self._end.is_set()
            # Not a sleep: the pipe holds less than one large event, and the engine waits for whoever does not read it.
            if not select.select([self._handle], [], [], 0 if ending else POLL)[0]:
                if ending:
                    return
                yield None
                continue
            rest += os.read(self._handle, PIPE_BYTES)
            *lines, rest = rest.split(b"\n")
            for line in lines:
                with contextlib.suppress(ValueError):
                    yield json.loads(line)


class Plan(Events):
    """What a preview would do, resource by resource; the engine itself tells it on the terminal."""

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.steps: list[Step] = []

    def _take(self, event: dict[str, Any]) -> None:
        if "resourcePreEvent" in event:
            facts = event["resourcePreEvent"]["metadata"]
            parent = (facts.get("new") or facts.get("old") or {}).get("parent") or ""
            self.steps.append(Step(facts["op"], facts["type"], _name(facts["urn"]), _name(parent)))


class Progress(Events):
    """Tells one run of the engine; `words` goes to it too."""

    def __init__(self, base: Path, tell: Callable[[str], None] = say) -> None:
        super().__init__(base)
        self.words = base.with_suffix(".log")
        """File for what the engine prints."""
        self._history = base.with_suffix(".spans.json")
        self._tell = tell
        self._started: dict[str, tuple[float, str, str]] = {}
        self._spans: list[Span] = []
        self._same = 0
        self._objects = 0
        self._told_objects = 0
        self.pending = False
        """Whether an earlier, killed run left operations of which the engine does not know what came of them."""
        self._zero = time.monotonic()
        self._news = self._zero
        self._quiet = QUIET
        self._before = _total(self._history)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._tell_objects()
        if self._spans and kind is None and not self._started:
            content = [[s.name, s.kind, s.operation, round(s.start, 1), round(s.end, 1)] for s in self._spans]
            self._history.write_text(json.dumps(content) + "\n")

    def timeline(self) -> list[Span]:
        """Every operation that changed something, in the order in which they ended."""
        return list(self._spans)

    def summary(self) -> str:
        """e.g. `112 created, 3 unchanged`."""
        counts = Counter(span.operation for span in self._spans if span.operation != "delete-replaced")
        parts = [f"{count} {_past(operation)}" for operation, count in sorted(counts.items())]
        return ", ".join([*parts, f"{self._same} unchanged"])

    def _take(self, event: dict[str, Any]) -> None:
        now = time.monotonic() - self._zero
        if "resourcePreEvent" in event:
            facts = event["resourcePreEvent"]["metadata"]
            if facts["op"] in CHANGES and not _component(facts):
                self._started[facts["urn"]] = (now, facts["type"], facts["op"])
        elif "resOutputsEvent" in event:
            facts = event["resOutputsEvent"]["metadata"]
            if facts["op"] == "same":
                self._same += 1
            elif facts["urn"] in self._started:
                self._done(facts["urn"], now)
        elif "resOpFailedEvent" in event:
            self._started.pop(event["resOpFailedEvent"]["metadata"]["urn"], None)
        elif "diagnosticEvent" in event:
            self._diagnose(event["diagnosticEvent"])
        elif "policyEvent" in event:
            self._refuse(event["policyEvent"])

    def _done(self, urn: str, now: float) -> None:
        start, kind, operation = self._started.pop(urn)
        name = _name(urn)
        self._spans.append(Span(name, kind, operation, start, now))
        if kind.startswith("kubernetes:") and "providers" not in kind:
            self._objects += 1
            return
        if kind.startswith("pulumi:"):
            return
        self._tell_objects()
        removed = operation in ("delete", "delete-replaced")
        self._say(f"{gone(name) if removed else words(name)} ({minutes(now - start)})")

    def _diagnose(self, entry: dict[str, Any]) -> None:
        text = _MARKUP.sub("", entry["message"]).strip()
        name = _name(entry.get("urn", ""))
        if entry["severity"] == "warning" and PENDING.search(text):
            # Its advice is to look in person. What is made again is found by its name, and `up` then drops the notes.
            if not self.pending:
                self._say("an earlier run was cut off; all is found again by its name, and this run goes on from there")
            self.pending = True
        elif entry["severity"] in ("error", "warning"):
            self._say(f"{entry['severity']}{': ' + name if name else ''}: {_COMMAND.sub('', text)}")
        elif "-gates-" in name and text and _measures(entry):
            # what a gate still waits for
            self._say(f"gate {name.rpartition('-gates-')[2]}: {text.splitlines()[-1]}")
        elif name.endswith(ARTIFACTS) and _measures(entry):
            # how far a node's software is: the helper's and the node's own lines begin with its name
            who = name.removesuffix(ARTIFACTS).partition("-")[2]
            for line in text.splitlines():
                if line.startswith(f"{who}: "):
                    self._say(line)

    def _refuse(self, entry: dict[str, Any]) -> None:
        kind = "error" if entry["enforcementLevel"] == "mandatory" else "warning"
        name = _name(entry.get("resourceUrn", ""))
        text = " ".join(_MARKUP.sub("", entry["message"]).split())
        self._say(f"{kind}{': ' + name if name else ''}: policy {entry['policyName']}: {text}")

    def _still(self) -> None:
        if time.monotonic() - self._news < self._quiet:
            return
        if self._objects > self._told_objects:
            self._tell_objects()
            return
        now = time.monotonic() - self._zero
        running = sorted((start, _name(urn)) for urn, (start, _, _) in self._started.items())
        shown = ", ".join(f"{name} for {minutes(now - start)}" for start, name in running[:4])
        more = f" and {len(running) - 4} more" if len(running) > 4 else ""
        left = f"; about {minutes(self._before - now)} left" if self._before > now else ""
        longer = min(2 * self._quiet, QUIET_MOST)
        self._say(f"still at it: {shown or 'the program'}{more}{left}")
        self._quiet = longer

    def _tell_objects(self) -> None:
        if self._objects > self._told_objects:
            self._told_objects = self._objects
            self._say(f"{self._objects} Kubernetes objects done")

    def _say(self, text: str) -> None:
        self._news, self._quiet = time.monotonic(), QUIET
        self._tell(text)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _measures(entry: dict[str, Any]) -> bool:
    """Whether a gate's own command speaks; plugins have words for the probe's objects too, which are no progress."""
    return ":command:" in entry["urn"] or "$command:" in entry["urn"]


def _component(facts: dict[str, Any]) -> bool:
    new = facts.get("new") or facts.get("old") or {}
    return not new.get("custom", False)  # false is left out


def _past(operation: str) -> str:
    past = {"create": "created", "update": "updated", "delete": "deleted", "create-replacement": "replaced"}
    return past.get(operation, operation)


def _total(history: Path) -> float:
    """Seconds that the same verb took last time; 0 where it never ran."""
    try:
        return max((float(entry[4]) for entry in json.loads(history.read_text())), default=0.0)
    except (FileNotFoundError, ValueError, IndexError, TypeError):
        return 0.0
