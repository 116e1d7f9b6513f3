"""The program under the real engine, in a folder of its own: previewed from nothing or onto a pretended stack.

Owns the engine's environment and the reading of its events. A pretended stack is what `up` would leave, were there
machines: every resource is said to exist, by the pretending provider (offline/plugins/preview_provider), with the
answers of `answers.py`. Nothing is made, started or reached. Previews run with the plugins that the commands would
take (FJORDKUBE_PLUGINS); the state is pretended with our own. Leaves what is counted or timed to its users.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench import answers
from commands import engine_home
from commands.engine import binary, plugins
from fjordkube.roots import CHECKOUT
from fjordkube.settings import load
from offline import binaries
from offline.plugins import installation
from offline.plugins.kubernetes_provider.objects import UNDERSCORED, renamed
from offline.plugins.preview_provider.pretence import VARIABLE

STACK = "bench"
PREVIEW = ["preview", "--policy-pack", str(CHECKOUT / "policy"), "--diff"]
"""As commands/preview.py has it."""
IMAGE = "0" * 16
"""Digest of an image that is nowhere: no machine is started from it."""
LIMIT = 300
"""Seconds for one run of the engine."""


@dataclass(frozen=True)
class Run:
    """One run of the engine that has ended well."""

    seconds: float
    operations: Mapping[str, str]
    """By resource name: create, update, replace, delete, same and so on; of a replacement `replace`."""
    kinds: Mapping[str, str]
    """Type token by resource name."""
    parents: Mapping[str, str]
    """Name of the parent by resource name."""
    differences: Mapping[str, list[str]] = field(default_factory=dict)
    """Paths of properties that change, by resource name."""

    def changed(self) -> dict[str, str]:
        """Operations that are not `same`, by resource name, without the stack itself."""
        return {
            name: operation
            for name, operation in self.operations.items()
            if operation != "same" and self.kinds[name] != "pulumi:pulumi:Stack"
        }


class Project:
    """One stack of the checkout's program, with settings, state and plugins in a folder of its own."""

    def __init__(self, folder: Path, program: Path = CHECKOUT) -> None:
        """FjordkubeError where the engine is not built yet (`make test-engine` sees to it)."""
        self.folder = folder
        self._config = folder / f"Pulumi.{STACK}.yaml"
        self._settings: dict[str, Any] = {}
        for made in (folder / "state", folder / "bundles"):
            made.mkdir(parents=True)
        engine = binaries.path("pulumi")
        if plugins() == "official":
            self._engine = binary()
            self._plugins = engine_home.quiet(engine_home.users(), folder / "official-home")
        else:
            self._engine = installation.install(engine, folder / "engine", folder / "plugins")
            self._plugins = {
                "PULUMI_HOME": str(folder / "plugins"),
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            }
        self._pretending = installation.install_pretending(
            engine, folder / "pretending-engine", folder / "pretending-plugins"
        )
        self.python = Path(sys.executable)
        self.move(program)
        self._pulumi(self._engine, ["stack", "init", STACK, "--no-select"], {})
        (folder / "salt").write_text(self._config.read_text())

    def move(self, program: Path, python: Path | None = None) -> None:
        """Runs another checkout's program from now on, or a package's; `python`: by that interpreter."""
        (self.folder / "Pulumi.yaml").write_text(f"name: fjordkube\nruntime: python\nmain: {program}\n")
        self.python = python or self.python

    def state(self) -> Path:
        """The stack's state as it lies on the disk; secrets encrypted."""
        return next((self.folder / "state").rglob(f"stacks/**/{STACK}.json"))

    def destroy(self, *targets: str) -> str:
        """Deletes those resources and what depends on them, by the plugins of `preview`; what the engine said."""
        chosen = [word for urn in targets for word in ("--target", urn)]
        words = ["destroy", "--yes", "--skip-preview", "--target-dependents", *chosen, "--stack", STACK]
        return self._pulumi(self._engine, [*words, "--config-file", str(self._config)], {})

    def write(self, settings: Mapping[str, Any]) -> None:
        """The stack file's `fjordkube:stack` from now on."""
        self._settings = dict(settings)
        salt = yaml.safe_load((self.folder / "salt").read_text())
        self._config.write_text(yaml.safe_dump({**salt, "config": {"fjordkube:stack": self._settings}}))
        loaded = load(self._settings)
        pointer = self.folder / "bundles" / f"{loaded.kubernetes.version}-{loaded.network.version}.json"
        pointer.write_text(json.dumps({"digest": IMAGE}))
        answers.files(loaded, self.folder, STACK)

    def pretend(self) -> Run:
        """Brings the stack to the state that `up` would leave, all of it made up."""
        canned = self.folder / "answers.json"
        canned.write_text(json.dumps(answers.outputs(load(self._settings), self.folder)))
        more = {
            VARIABLE: str(canned),
            "PULUMI_HOME": str(self.folder / "pretending-plugins"),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # One write of the state at the end, not one of megabytes after each of a thousand steps.
            "PULUMI_EXPERIMENTAL": "true",
            "PULUMI_SKIP_CHECKPOINTS": "true",
        }
        run = self._run(self._pretending, ["up", "--yes", "--skip-preview"], more)
        self._complete_objects()
        return run

    def preview(self, environment: Mapping[str, str] | None = None) -> Run:
        """What `make preview` has the engine do, and what came of it for each resource."""
        return self._run(self._engine, PREVIEW, environment or {})

    def up(self) -> Run:
        """What `up` does, by the plugins of `preview`."""
        return self._run(self._engine, ["up", "--yes", "--skip-preview"], {})

    def time_preview(self) -> float:
        """Seconds of the same without the reading of events, which no user asks for."""
        begun = time.monotonic()
        self._pulumi(self._engine, [*PREVIEW, "--stack", STACK, "--config-file", str(self._config)], {})
        return time.monotonic() - begun

    def _complete_objects(self) -> None:
        """Gives Kubernetes objects what their own provider keeps beside them, which a pretending one does not know."""
        path = self.state()
        state = json.loads(path.read_text())
        for entry in state["checkpoint"]["latest"]["resources"]:
            if entry["type"].startswith("kubernetes:"):
                given = renamed(entry["inputs"], UNDERSCORED)
                notes = {"__inputs": given, "__initialApiVersion": given["apiVersion"], "__fieldManager": "pretended"}
                entry["outputs"] = {**renamed(entry["outputs"], UNDERSCORED), **notes}
        path.write_text(json.dumps(state))

    def _run(self, engine: Path, words: list[str], more: Mapping[str, str]) -> Run:
        log = self.folder / "events"
        log.unlink(missing_ok=True)
        begun = time.monotonic()
        self._pulumi(
            engine, [*words, "--stack", STACK, "--config-file", str(self._config), "--event-log", str(log)], more
        )
        seconds = time.monotonic() - begun
        try:
            return _read(log, seconds)
        finally:
            log.unlink()  # it holds outputs in the clear, made up or not

    def _pulumi(self, engine: Path, words: list[str], more: Mapping[str, str]) -> str:
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(engine.parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "FJORDKUBE_HOME": str(self.folder),
            "FJORDKUBE_PYTHON": str(self.python),
            "PULUMI_PYTHON_CMD": str(self.python),
            **self._plugins,
            "PULUMI_BACKEND_URL": (self.folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # brings the flag --event-log
            "GOGC": os.environ.get("GOGC", "400"),
            **more,
        }
        environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        done = subprocess.run(
            [str(engine), *words, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"pulumi {words[0]} failed:\n{done.stdout}")
        return done.stdout


def _read(log: Path, seconds: float) -> Run:
    operations: dict[str, str] = {}
    kinds: dict[str, str] = {}
    parents: dict[str, str] = {}
    differences: dict[str, list[str]] = {}
    for line in log.read_text().splitlines():
        metadata = (json.loads(line).get("resourcePreEvent") or {}).get("metadata")
        if metadata is None:
            continue
        name = metadata["urn"].rpartition("::")[2]
        kinds[name] = metadata["type"]
        seen = metadata.get("new") or metadata.get("old") or {}
        parents[name] = (seen.get("parent") or "").rpartition("::")[2]
        if operations.get(name) != "replace":
            operations[name] = metadata["op"]
        differences.setdefault(name, []).extend(metadata.get("detailedDiff") or {})
    return Run(seconds, operations, kinds, parents, differences)
