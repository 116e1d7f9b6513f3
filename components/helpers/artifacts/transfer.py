"""Files over an SSH connection, one after the other in one stream; what arrived before a cut is kept.

Owns the stream and what is told of its progress. Leaves which files to wanted.py and writing them to
scripts/artifacts.sh.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO

from ..errors import HelperError
from ..log import log
from ..ssh import NO_CONNECTION, function
from .contents import Contents
from .wanted import Part

CHUNK = 2**18
"""Bytes at a time."""

TELL_SECONDS = 10.0
"""Between two lines of progress."""

MB = 10**6


class Cut(Exception):
    """The connection ended before all was sent."""


def send(
    command: Sequence[str],
    script: str,
    values: Mapping[str, str],
    node: str,
    parts: Sequence[Part],
    contents: Contents,
) -> int:
    """Bytes sent of a bundle's contents.

    Cut: no connection, or one that ended. HelperError: the node's script failed; its words are told.
    """
    total = sum(part.size - part.offset for part in parts)
    receive = "\n".join(f"{part.name} {part.size} {part.offset}" for part in parts)
    text = function(script, {**values, "STEP": "receive", "RECEIVE": receive}) + "fjordkube; exit\n"
    process = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    progress = _Progress(node, total)
    try:
        with process.stdin as stream:
            stream.write(text.encode())
            for part in parts:
                _copy(part, contents, stream, progress)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            process.kill()
            raise HelperError(f"{error.filename}: was in the bundle, and is gone; run it again") from None
        # the script's own words, or ssh's, say why
    code = process.wait()
    if code == NO_CONNECTION or code < 0:
        raise Cut(f"the connection was cut after {progress.sent / MB:.0f} of {total / MB:.0f} MB")
    if code:
        raise HelperError(f"{node}: the script on the node failed; its words are above")
    progress.done()
    return progress.sent


def _copy(part: Part, contents: Contents, stream: IO[bytes], progress: _Progress) -> None:
    left = part.size - part.offset
    with contents.open(part.path) as file:
        file.seek(part.offset)
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            stream.write(chunk)
            left -= len(chunk)
            progress.add(len(chunk), part.title)
    if left:
        raise HelperError(f"{part.path}: is shorter than the bundle's list says; run make bundle-verify")


class _Progress:
    """Lines that say how far the stream is: node, how much, how fast, how long."""

    def __init__(self, node: str, total: int) -> None:
        self._node, self._total = node, total
        self.sent = 0
        self._started = self._told = time.monotonic()

    def add(self, count: int, title: str) -> None:
        self.sent += count
        now = time.monotonic()
        if now - self._told < TELL_SECONDS:
            return
        self._told = now
        rate = self.sent / max(now - self._started, 0.001)
        left = (self._total - self.sent) / max(rate, 1.0)
        log(
            f"{self._node}: {self.sent / MB:.0f} of {self._total / MB:.0f} MB sent, {rate / MB:.1f} MB/s, "
            f"{left:.0f} s left ({title})"
        )

    def done(self) -> None:
        log(f"{self._node}: {self.sent / MB:.0f} MB sent ({time.monotonic() - self._started:.0f} s)")
