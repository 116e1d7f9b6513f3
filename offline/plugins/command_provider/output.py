"""What a running command says: kept whole, and passed on line by line.

Owns the two streams, their order for an error message, and the `logging` input. Leaves reading to the runners.
"""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable
from typing import Literal

Stream = Literal["stdout", "stderr"]


class CommandFailed(Exception):
    """The command could not be started, could not be reached, or ended with a status other than 0."""


class Output:
    """Collects both streams; safe to feed from one thread per stream."""

    def __init__(self, logging: str, log: Callable[[str], None]) -> None:
        """`logging` is the input's word (stdout, stderr, stdoutAndStderr, none); `log` takes one line."""
        self._logged = {"stdout": {"stdout"}, "stderr": {"stderr"}, "none": set[str]()}.get(
            logging, {"stdout", "stderr"}
        )
        self._log = log
        self._parts: dict[Stream, list[str]] = {"stdout": [], "stderr": []}
        self._both: list[str] = []
        self._rest: dict[Stream, str] = {"stdout": "", "stderr": ""}
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("replace"), "stderr": decoder("replace")}
        self._lock = threading.Lock()

    def feed(self, stream: Stream, data: bytes, *, last: bool = False) -> None:
        """More bytes of a stream; `last` ends it."""
        text = self._decoders[stream].decode(data, last)
        with self._lock:
            self._parts[stream].append(text)
            self._both.append(text)
        if stream not in self._logged:
            return
        *lines, self._rest[stream] = (self._rest[stream] + text).split("\n")
        if last and self._rest[stream]:
            lines.append(self._rest[stream])
        for line in lines:
            self._log(line)

    @property
    def both(self) -> str:
        """Everything said so far, in the order it came."""
        return "".join(self._both)

    def state(self) -> dict[str, str]:
        """The outputs `stdout` and `stderr`, each without its last newline."""
        return {stream: "".join(parts).removesuffix("\n") for stream, parts in self._parts.items()}
