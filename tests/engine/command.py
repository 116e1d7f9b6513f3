"""The commands as a person runs them, in a home of their own: `python -m commands VERB`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fjordkube.roots import CHECKOUT, cache_root


@dataclass(frozen=True)
class Done:
    """One run that has ended."""

    code: int
    text: str
    """stdout and stderr, as they came."""
    seconds: float


@dataclass(frozen=True)
class Commands:
    """`python -m commands` on one stack file, with state of its own."""

    home: Path
    """FJORDKUBE_HOME."""
    settings: Path
    """The stack file."""
    stack: str
    changes: Mapping[str, str | None] = field(default_factory=dict)
    """Variables that the environment has besides, or (None) has not."""
    checkout: Path = CHECKOUT
    """Where the commands run."""

    @property
    def environment(self) -> dict[str, str]:
        """The caller's, with this home; disks of tests are thrown away, so flushes are dropped.

        A stack whose nodes are not local gets what its user has to give: a backend in that home, a passphrase, consent.
        """
        found = {**os.environ, "FJORDKUBE_HOME": str(self.home), "FJORDKUBE_DISK_CACHE": "unsafe"}
        found |= {} if self.local else self.given
        return {name: value for name, value in (found | dict(self.changes)).items() if value is not None}

    @property
    def local(self) -> bool:
        """Whether the stack file, as it is now, has nodes of source local."""
        return not re.search(r"source: (?!local)", self.settings.read_text() if self.settings.exists() else "")

    @property
    def given(self) -> dict[str, str]:
        """Backend, passphrase and consent."""
        state = self.home / "state"
        state.mkdir(parents=True, exist_ok=True)
        backend = {"PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "a test's own"}
        return backend | {"YES": "1", "ALLOW": self.stack}

    def write(self, content: dict[str, Any]) -> None:
        """Replaces the stack file's `fjordkube:stack`."""
        self.settings.write_text(yaml.safe_dump({"config": {"fjordkube:stack": content}}))

    def words(self, verb: str) -> list[str]:
        """The command line of a verb."""
        words = [sys.executable, "-m", "commands", verb, "--stack", self.stack]
        return [*words, "--settings", str(self.settings)]

    def run(self, verb: str, limit: float = 120, show: bool = False) -> Done:
        """Runs a verb to its end; `show` passes its lines on as they come. TimeoutExpired after `limit` seconds."""
        start, lines = time.monotonic(), []
        process = self.start(verb)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line)
                if show:
                    print(line, end="", flush=True)
                if time.monotonic() - start > limit:
                    raise subprocess.TimeoutExpired(verb, limit)
            code = process.wait(timeout=30)
        finally:
            process.kill()
        return Done(code, "".join(lines), time.monotonic() - start)

    def cut_off(self, verb: str, *words: str, after: float = 0) -> None:
        """Runs a verb until its lines have said each of `words`, `after` seconds more, and kills it.

        AssertionError if it ends before. Its lines are passed on as they come.
        """
        process, missing, seen = self.start(verb), set(words), []
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            seen.append(line)
            missing = {each for each in missing if each not in line}
            if not missing:
                break
        else:
            raise AssertionError(f"{verb} ended before {', '.join(sorted(missing))}: {''.join(seen)}")
        time.sleep(after)
        self.kill(process)
        process.stdout.close()

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kills a verb and all that it started (SIGKILL), and takes the lock away that it leaves."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not self.local:
            # As `pulumi cancel` does: a lock in a backend that others may use is a person's to take away.
            shutil.rmtree(self.home / "state" / ".pulumi" / "locks")

    def start(self, verb: str) -> subprocess.Popen[str]:
        """Starts a verb in a process group of its own."""
        return subprocess.Popen(
            self.words(verb),
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def cache_without_images(folder: Path) -> Path:
    """A cache in which nothing was built but the engine; what is there is linked, not copied."""
    cache = folder / "cache"
    cache.mkdir()
    for name in ("toolchain", "definitions", "source.json"):
        if (cache_root() / name).exists():
            (cache / name).symlink_to(cache_root() / name)
    return cache
