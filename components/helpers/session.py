"""A conversation with a node: one SSH connection, a script that answers questions, one line each.

Owns the connection's life and the end of an answer. Leaves the answers' meaning to the gates, and answering to
scripts/questions.sh. Asking from here costs a waiting node nothing: no login, no sleep and no loop of its own, and when
this program ends, the node's script reads the end of its input and ends too.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO

from .errors import HelperError
from .ssh import BEGIN, NO_CONNECTION, SAY_BEGIN, Access, function

END = "fjordkube:end"
"""The line with which scripts/questions.sh ends an answer, after an empty one."""

AT_ONCE = 16
"""Nodes that are asked at the same time."""

GREETING = "hello"
"""A question to which no script has an answer."""

LAST_WORDS = 5
"""Lines of a node's stderr that an error repeats."""


class Unanswered(Exception):
    """No answer this time, and why; the next question tries a new connection."""


class Session:
    """Opens its connection at the first question, and again after it was lost. One question at a time."""

    def __init__(self, name: str, command: Sequence[str], script: str) -> None:
        self.name, self._command = name, list(command)
        # bash reads its commands from the same stream as the questions: it must end with the function
        self._text = function(script, {}) + SAY_BEGIN + "fjordkube; exit\n"
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._readers: list[threading.Thread] = []
        self._lock = threading.Lock()

    def ask(self, question: str, seconds: float) -> str:
        """The answer's lines. Unanswered: no connection, nothing within `seconds`. HelperError: the script failed."""
        with self._lock:
            return self._ask(question, seconds)

    def _ask(self, question: str, seconds: float) -> str:
        end = time.monotonic() + seconds
        process = self._open() if self._process is None or self._process.poll() is not None else self._process
        try:
            assert process.stdin is not None
            process.stdin.write(f"{question}\n")
            process.stdin.flush()
        except OSError:
            raise self._lost(process) from None
        answer: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                self.close()
                raise Unanswered(f"no answer within {seconds:.0f} s") from None
            if line is None:
                raise self._lost(process)
            if line == END:
                return "\n".join(answer[:-1] if answer[-1:] == [""] else answer)
            answer.append(line)

    def close(self) -> None:
        """Ends the connection, and with it the script on the node. Safe from another thread."""
        process, self._process = self._process, None
        if process:
            process.kill()
            _reap(process)

    def _open(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._process, self._lines, self._words = process, queue.Queue(), deque(maxlen=LAST_WORDS)
        self._readers = [
            threading.Thread(target=_pass_on, args=(process.stdout, self._lines.put, BEGIN), daemon=True),
            threading.Thread(target=_pass_on, args=(process.stderr, self._keep), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # a connection that failed at once: the question finds out
            process.stdin.write(self._text)
            process.stdin.flush()
        return process

    def _keep(self, line: str | None) -> None:
        if line:
            self._words.append(line)

    def _lost(self, process: subprocess.Popen[str]) -> Exception:
        """What the end of the connection means."""
        for reader in self._readers:
            reader.join(timeout=5)
        self._process = None
        code = _reap(process)
        words = " / ".join(self._words)
        if code == NO_CONNECTION or code <= 0:  # 0: it had been idle for so long that it ended by itself
            return Unanswered(f"no SSH connection ({words})" if words else "no SSH connection")
        return HelperError(
            f"{self.name}: the script on the node failed: {words or f'exit status {code}, without a word'}"
        )


class Sessions:
    """One session for each node of a gate, asked in parallel; none is opened before its first question."""

    def __init__(self, nodes: Sequence[Access], folder: Path, script: str) -> None:
        self._sessions = {node.name: Session(node.name, node.command(folder), script) for node in nodes}
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE)
        self._greeted = False

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for session in self._sessions.values():  # first: a thread that waits for an answer then ends
            session.close()
        self._pool.shutdown(cancel_futures=True)

    def greet(self, seconds: float) -> None:
        """Opens all connections once, and waits for none: a busy guest takes seconds for a login.

        One that fails is made again for the first question, and tells then.
        """
        if not self._greeted:
            self._greeted = True
            for session in self._sessions.values():
                self._pool.submit(session.ask, GREETING, seconds)

    def ask(self, questions: Mapping[str, str], seconds: float) -> tuple[dict[str, str], dict[str, str]]:
        """Answers by node, and why there is none by node. HelperError when a script failed."""
        waiting = {
            name: self._pool.submit(self._sessions[name].ask, question, seconds) for name, question in questions.items()
        }
        answers: dict[str, str] = {}
        silent: dict[str, str] = {}
        for name, future in waiting.items():
            try:
                answers[name] = future.result()
            except Unanswered as reason:
                silent[name] = str(reason)
        return answers, silent


def _pass_on(pipe: IO[str] | None, put: Callable[[str | None], None], after: str | None = None) -> None:
    """Every line, or every one after the line `after`; then None."""
    assert pipe is not None
    with pipe:
        for line in pipe:
            if after is None:
                put(line.rstrip("\n"))
            elif line == f"{after}\n":
                after = None
    put(None)


def _reap(process: subprocess.Popen[str]) -> int:
    """The exit status; the readers close their own pipes."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    return process.wait()
