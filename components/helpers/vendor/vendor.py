"""Calls of the vendor's command: one verb, one request on stdin, one answer from stdout, bounded in time.

Owns the process and its end. Leaves what an answer means to contract.py. The request is never on a command line and in
no message; of what the command said on stderr the last lines are repeated, for they are all that explains a failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import HelperError
from .contract import parse

LAST_WORDS, LONGEST_LINE = 5, 200
"""Lines of stderr that an error repeats, and characters of each."""

ATTEMPTS = 3
"""Of a verb that changes nothing or may be repeated (read, list, delete); an order is never repeated."""

PAUSE = 3.0
"""Seconds between two attempts."""

LARGEST_ANSWER = 1 << 20
"""Bytes; a listing of a thousand machines has a fifth of it."""


@dataclass(frozen=True)
class Vendor:
    """The command, and how long one call may take."""

    command: Sequence[str]
    """As the settings have it: a first word with a slash starts in the project's folder, which is the working one."""
    seconds: float
    held: int
    """The file that a call keeps open while it runs: see turn.py."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secret. Variables for the command."""

    def ask(self, verb: str, request: Mapping[str, Any], attempts: int = 1) -> dict[str, Any]:
        """The answer. HelperError when there is none of the contract's after all attempts."""
        for attempt in range(1, attempts + 1):
            try:
                return parse(self._run(verb, request), verb)
            except HelperError:
                if attempt == attempts:
                    raise
                time.sleep(PAUSE)
        raise AssertionError("attempts is at least 1")

    def _run(self, verb: str, request: Mapping[str, Any]) -> str:
        try:
            process = subprocess.Popen(
                [os.path.expanduser(self.command[0]), *self.command[1:], verb],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[self.held],
                env={**os.environ, **self.secrets},
                start_new_session=True,
            )
        except FileNotFoundError:
            raise HelperError(
                f"nodes.command: {self.command[0]} is not there; correct the path, or install it"
            ) from None
        except PermissionError:
            raise HelperError(
                f"nodes.command: {self.command[0]} is not executable; run: chmod +x {self.command[0]}"
            ) from None
        except OSError as error:
            fix = "a script needs a first line such as #!/bin/sh"
            raise HelperError(f"nodes.command: {self.command[0]} cannot be run ({error.strerror}); {fix}") from None
        with _ended_with_us(process):
            try:
                out, err = process.communicate(json.dumps(request).encode(), timeout=self.seconds)
            except subprocess.TimeoutExpired:
                raise HelperError(
                    f"{verb}: the vendor's command did not answer within {self.seconds:.0f} s and was ended; "
                    "look at the vendor, or raise nodes.call_seconds. The next up finds by name what was ordered"
                ) from None
        if process.returncode:
            raise HelperError(f"{verb}: the vendor's command failed ({_code(process.returncode)}){_words(err)}")
        if len(out) > LARGEST_ANSWER:
            raise HelperError(f"{verb}: the answer has {len(out)} bytes; the adapter must print one small JSON object")
        return out.decode(errors="replace")


@contextlib.contextmanager
def _ended_with_us(process: subprocess.Popen[bytes]) -> Any:
    """However the call ends, a signal to us included, nothing of the command goes on running."""

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def stop(number: int, _frame: object) -> None:
        end()
        raise SystemExit(128 + number)

    main = threading.current_thread() is threading.main_thread()
    before = {sign: signal.signal(sign, stop) for sign in (signal.SIGTERM, signal.SIGINT)} if main else {}
    try:
        yield
    finally:
        end()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _code(code: int) -> str:
    return f"exit status {code}" if code > 0 else f"signal {-code}"


def _words(err: bytes) -> str:
    # Without escape sequences, which would act on the terminal that shows the error.
    lines = ["".join(filter(str.isprintable, line)).strip() for line in err.decode(errors="replace").splitlines()]
    last = [line[:LONGEST_LINE] for line in lines if line][-LAST_WORDS:]
    return f": {' / '.join(last)}" if last else ", without a word"
