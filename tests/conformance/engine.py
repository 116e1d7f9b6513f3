"""The real Pulumi engine for a scenario: a project in a folder of its own, and what a run did.

Owns the command line, its environment (no network, no state outside the folder) and the reading of the engine's
events. Leaves what is run to the scenarios. Which plugins are on the path is the suite's choice: see conftest.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PASSPHRASE = "conformance"
LIMIT = 120
"""Seconds for one run of the engine; a scenario's own waits are far shorter."""
PROJECT = "conformance"


@dataclass(frozen=True)
class Step:
    """What the engine did with one resource."""

    op: str
    """create, update, replace, delete, same, read, refresh ..."""
    diff: dict[str, str]
    """Kind of change by property path, e.g. {"data.a": "update"}."""


@dataclass
class Result:
    """What one run did and said."""

    code: int
    output: str
    steps: dict[str, list[Step]] = field(default_factory=dict)
    """By resource name; a replacement has several."""

    def ops(self, name: str) -> list[str]:
        """The operations on one resource, in order."""
        return [step.op for step in self.steps.get(name, [])]

    def changes(self) -> dict[str, list[str]]:
        """Operations by resource, without those that left it as it was, the stack itself and default providers."""
        own = [name for name in self.steps if name != f"{PROJECT}-dev" and not name.startswith("default_")]
        changed = {name: [op for op in self.ops(name) if op not in ("same", "refresh")] for name in own}
        return {name: ops for name, ops in changed.items() if ops}

    def diff(self, name: str) -> dict[str, str]:
        """The detailed diff of a resource."""
        return {path: kind for step in self.steps[name] for path, kind in step.diff.items()}

    def drift(self, name: str) -> dict[str, str]:
        """The same after a refresh, which says nothing of a resource that it found as it was."""
        return self.diff(name) if name in self.steps else {}


class Stack:
    """One project with one stack named dev."""

    def __init__(self, folder: Path, pulumi: Path, pulumi_home: Path | None) -> None:
        """`pulumi_home` is a prepared plugin cache, or None: the engine finds or fetches the official plugins."""
        self.folder = folder
        self._pulumi = pulumi
        # An ordinary installation has the language host anywhere on PATH; beside the stand-ins none but ours is found.
        host = None if pulumi_home else shutil.which("pulumi-language-python")
        own = [str(pulumi.parent), *([str(Path(host).parent)] if host else [])]
        home, state = folder / "home", folder / "state"
        for made in (home, state):
            made.mkdir(parents=True)
        self.environment = {
            "PATH": os.pathsep.join([*own, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"]),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "FJORDKUBE_PYTHON": sys.executable,
            # Two programs of one size, written within one second, are one program to Python's bytecode cache.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # brings the flag --event-log
            "PULUMI_HOME": str(pulumi_home or os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi"),
        }
        if pulumi_home:
            self.environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        (folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        self.command("stack", "init", "dev")

    def program(self, text: str) -> None:
        """Use this text as the program from now on."""
        (self.folder / "__main__.py").write_text(textwrap.dedent(text))

    def configure(self, key: str, value: str, *, secret: bool = False) -> None:
        """Set configuration of the stack."""
        # By standard input: a key may look like a flag, and argument lists are public.
        self.command("config", "set", "--secret" if secret else "--plaintext", key, given=value)

    def up(self, *, fails: bool = False, environment: Mapping[str, str] | None = None) -> Result:
        """`pulumi up` without a preview before it."""
        return self._run(["up", "--yes", "--skip-preview"], fails, environment)

    def preview(self, *, fails: bool = False) -> Result:
        """`pulumi preview`."""
        return self._run(["preview", "--diff"], fails)

    def refresh(self) -> Result:
        """`pulumi refresh`."""
        return self._run(["refresh", "--yes", "--skip-preview"], False)

    def destroy(self, environment: Mapping[str, str] | None = None) -> Result:
        """`pulumi destroy`."""
        return self._run(["destroy", "--yes", "--skip-preview"], False, environment)

    def start_up(self) -> subprocess.Popen[str]:
        """`pulumi up`, still running."""
        return subprocess.Popen(
            [str(self._pulumi), "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "dev"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def interrupt(self, run: subprocess.Popen[str]) -> str:
        """What ctrl-C does to a run: its whole output, once it has ended."""
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=LIMIT)
        return output

    def state(self) -> str:
        """The stored state as it lies on the disk."""
        return next((self.folder / "state").rglob("stacks/**/dev.json")).read_text()

    def resources(self) -> dict[str, dict[str, Any]]:
        """The stored resources by name; secrets encrypted."""
        stored = json.loads(self.state())["checkpoint"]["latest"].get("resources") or []
        return {entry["urn"].rpartition("::")[2]: entry for entry in stored}

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets shown."""
        shown: dict[str, Any] = json.loads(self.command("stack", "output", "--json", "--show-secrets"))
        return shown

    def command(self, *arguments: str, given: str = "") -> str:
        """Standard output of another pulumi command, which must succeed."""
        stack = [] if arguments[:2] == ("stack", "init") else ["--stack", "dev"]
        done = subprocess.run(
            [str(self._pulumi), *arguments, *stack, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _run(self, arguments: list[str], fails: bool, environment: Mapping[str, str] | None = None) -> Result:
        log = self.folder / "events.json"
        log.unlink(missing_ok=True)
        done = subprocess.run(
            [str(self._pulumi), *arguments, "--non-interactive", "--color", "never", "--stack", "dev"]
            + ["--event-log", str(log)],
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        result = Result(done.returncode, done.stdout, _steps(log))
        assert (result.code != 0) == fails, result.output
        return result


def _steps(log: Path) -> dict[str, list[Step]]:
    steps: dict[str, list[Step]] = {}
    refreshed: set[str] = set()
    for line in log.read_text().splitlines() if log.exists() else []:
        event = json.loads(line)
        # Everything tells its operation and diff when it begins; a refresh tells its diff when it is done.
        before = (event.get("resourcePreEvent") or {}).get("metadata")
        after = (event.get("resOutputsEvent") or {}).get("metadata")
        if before is not None and before["op"] == "refresh":
            refreshed.add(before["urn"])
            continue
        if after is not None and after["urn"] in refreshed:
            refreshed.discard(after["urn"])
            metadata, operation = after, "refresh"
        elif before is not None:
            metadata, operation = before, before["op"]
        else:
            continue
        diff = {path: entry["diffKind"] for path, entry in (metadata.get("detailedDiff") or {}).items()}
        steps.setdefault(metadata["urn"].rpartition("::")[2], []).append(Step(operation, diff))
    return steps
