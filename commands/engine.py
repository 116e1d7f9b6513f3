"""The Pulumi engine as this project runs it: which binary, which plugins, with what environment, on which stack file.

Official plugins are used where an official Pulumi installation is found; elsewhere our stand-ins are put on PATH
(docs/adr/0004). Leaves where state lies to backend.py and building the engine to `offline/`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from commands import backend, engine_home, stackfile, state
from fjordkube.errors import FjordkubeError
from fjordkube.helpers.local_vm import record
from fjordkube.roots import CHECKOUT, home_root
from offline import binaries, emulator, manifest
from offline.plugins import installation

Plugins = Literal["official", "standin"]


def plugins() -> Plugins:
    """`official` where Pulumi's own Python language host is on PATH, else `standin`; FJORDKUBE_PLUGINS decides."""
    choice = os.environ.get("FJORDKUBE_PLUGINS", "auto")
    if choice == "official":
        return "official"
    if choice == "standin":
        return "standin"
    if choice != "auto":
        raise FjordkubeError(f"FJORDKUBE_PLUGINS: {choice!r}; use auto, official or standin")
    return "official" if shutil.which("pulumi") and shutil.which("pulumi-language-python") else "standin"


@cache
def binary() -> Path:
    """The engine's program: the user's own where it is a whole installation, else the one built into the cache."""
    if plugins() == "official":
        found = shutil.which("pulumi")
        if not found:
            raise FjordkubeError("pulumi: not on PATH; install it, or unset FJORDKUBE_PLUGINS to have it built")
        return Path(found)
    # Beside the stand-ins, in a folder of this checkout: that is where the engine looks first.
    return installation.install(_program(), home_root().resolve() / "engine", pulumi_home())


def _program() -> Path:
    """The engine that stand-ins go with: the one built into the cache, or else the user's without its language host."""
    try:
        return binaries.path("pulumi")
    except FjordkubeError:
        found = shutil.which("pulumi")
        if not found:
            raise
        return Path(found).resolve()


def engine_there() -> bool:
    """Whether an engine can be run without building one."""
    try:
        return plugins() == "official" or _program().exists()
    except FjordkubeError:
        return False


def pulumi_home() -> Path:
    """PULUMI_HOME where stand-ins are used: the user's own is left alone."""
    return home_root().resolve() / "pulumi-home"


def passphrase_file() -> Path:
    """This checkout's passphrase (0600), made once; it guards the secrets of stacks of source `local`."""
    path = home_root() / "passphrase"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    return path


def policy_pack() -> list[str]:
    """Arguments that have the engine ask the policy pack about every resource; none with FJORDKUBE_POLICY=off."""
    choice = os.environ.get("FJORDKUBE_POLICY", "on")
    if choice not in ("on", "off"):
        raise FjordkubeError(f"FJORDKUBE_POLICY: {choice!r}; use on or off")
    return ["--policy-pack", str(CHECKOUT / "policy")] if choice == "on" else []


def with_emulator() -> dict[str, str]:
    """FJORDKUBE_QEMU: the user's, else the newer QEMU of the cache where it is there."""
    newer = emulator.path(manifest.load())
    return {} if "FJORDKUBE_QEMU" in os.environ or not newer.exists() else {"FJORDKUBE_QEMU": str(newer)}


def environment(place: backend.Place = backend.OF_CHECKOUT) -> dict[str, str]:
    """The engine's environment; what the user has set (backend, passphrase) is respected."""
    env = dict(os.environ)
    path = [str(binary().parent), str(Path(sys.executable).parent)]
    if plugins() == "standin":
        env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        env["PULUMI_HOME"] = str(pulumi_home())
    elif not env.get("PULUMI_SDK_DEBUG"):
        env |= engine_home.quiet(engine_home.users(), home_root().resolve() / "official-home")
    env["PATH"] = os.pathsep.join([*path, env.get("PATH", "")])
    env |= with_emulator()
    env["FJORDKUBE_PYTHON"] = sys.executable
    env["PULUMI_SKIP_UPDATE_CHECK"] = "true"
    env["PULUMI_DEBUG_COMMANDS"] = "true"  # brings the flag --event-log
    env["GOGC"] = env.get("GOGC", "400")
    env |= place.variables
    if not place.of_checkout:
        return env
    if not env.get(backend.VARIABLE):
        (home_root().resolve() / "state").mkdir(parents=True, exist_ok=True)
        env[backend.VARIABLE] = backend.url(env)
    if "PULUMI_CONFIG_PASSPHRASE" not in env and "PULUMI_CONFIG_PASSPHRASE_FILE" not in env:
        env["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase_file())
    return env


@dataclass(frozen=True)
class Engine:
    """The engine on one stack, with the stack file (or its copy) that it may write to."""

    stack: str
    config_file: Path
    place: backend.Place = backend.OF_CHECKOUT

    @staticmethod
    def of(stack: str, file: Path | None) -> Engine:
        """The engine on a stack as `make` runs it; `file` is another stack file than the one in stacks/.

        Raises SettingsError where the file does not say whose machines they are.
        """
        path = file or stackfile.source(stack)
        if stackfile.is_local(stack, path):
            return Engine(stack, stackfile.copy_of(stack))
        return Engine(stack, path, backend.chosen())

    def require(self) -> None:
        """Raises FjordkubeError where backend or passphrase are missing; nothing is asked or made."""
        if not self.place.of_checkout:
            backend.require(self.stack, self.place, stackfile.read(self.config_file))

    def call(
        self, *args: str, capture: bool = False, output: Path | None = None, folder: Path = CHECKOUT
    ) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi ARGS`; what it prints goes to the terminal, to the caller (capture) or to a file (output).

        `folder` holds the Pulumi.yaml. The caller looks at the return code.
        """
        command = [str(binary()), *args, "--non-interactive"]
        if output is not None:
            with output.open("w") as file:
                command += ["--color", "never"]
                env = environment(self.place)
                return subprocess.run(command, cwd=folder, env=env, text=True, stdout=file, stderr=subprocess.STDOUT)
        pipe = subprocess.PIPE if capture else None
        return subprocess.run(command, cwd=folder, env=environment(self.place), text=True, stdout=pipe, stderr=pipe)

    def log(self, verb: str) -> Path:
        """Where a run's words go, without a suffix."""
        return home_root() / "logs" / f"{self.stack}-{verb}"

    def on_stack(
        self, verb: str, *args: str, capture: bool = False, output: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a verb that takes `--stack` and `--config-file` (up, preview, destroy, refresh).

        The first two run under the policy pack.
        """
        return self.call(
            verb,
            "--stack",
            self.stack,
            "--config-file",
            str(self.config_file.resolve()),
            *(policy_pack() if verb in ("up", "preview") else []),
            *args,
            capture=capture,
            output=output,
        )

    def exists(self) -> bool:
        """Whether the backend knows the stack. FjordkubeError with the engine's words where it does not answer."""
        if self.place.of_checkout and state.find(self.stack):
            return True
        have = self.call("stack", "ls", "--json", capture=True)
        if have.returncode:
            raise FjordkubeError(f"state: the backend does not tell its stacks: {have.stderr.strip()}")
        return any(s["name"].split("/")[-1] == self.stack for s in json.loads(have.stdout))

    def unlock(self) -> None:
        """Takes away the file backend's lock that a killed run left. Call it with the stack's own lock held.

        Only for the checkout's own state: a shared backend's lock may be somebody else's.
        """
        locks = home_root() / "state" / ".pulumi" / "locks"
        own = self.place.of_checkout and backend.VARIABLE not in os.environ
        if own and any(locks.glob(f"**/{self.stack}/*.json")):
            self.call("cancel", "--yes", "--stack", self.stack, capture=True)

    def forget(self) -> None:
        """Removes the empty stack, and the copy of its file if any. FjordkubeError with the engine's words."""
        done = self.call("stack", "rm", "--yes", "--preserve-config", "--stack", self.stack, capture=True)
        if done.returncode:
            raise FjordkubeError(f"stack {self.stack}: the engine could not remove it: {done.stderr.strip()}")
        if self.place.of_checkout:
            self.config_file.unlink(missing_ok=True)

    def tells_computers(self) -> bool:
        """Whether `computers` can be asked yet: of another backend than the checkout's own, the engine has to be."""
        return engine_there() or not os.environ.get(backend.VARIABLE)

    def computers(self) -> set[str]:
        """Ids of the computers on which the state of a stack of source `local` has its machines; empty: there are none.

        The checkout's own state is read from its file, every other asked for.
        """
        if not os.environ.get(backend.VARIABLE):
            return state.computers(state.resources(self.stack) or [])
        try:
            return state.computers(self.resources())
        except FjordkubeError:
            return set()

    def resources(self, secrets_shown: bool = False) -> list[dict[str, Any]]:
        """What the stack's state holds, asked of the backend. FjordkubeError with the engine's words."""
        extra = ["--show-secrets"] if secrets_shown else []
        exported = self.call("stack", "export", "--stack", self.stack, *extra, capture=True)
        if exported.returncode:
            raise FjordkubeError(f"state: the backend does not tell stack {self.stack}: {exported.stderr.strip()}")
        return list((json.loads(exported.stdout).get("deployment") or {}).get("resources") or [])

    def forgetting(self) -> str:
        """What a person does to have the stack forgotten, its machines left as they are."""
        path = state.find(self.stack)
        return f"rm {path}" if path else f"pulumi stack rm --force {self.stack}"

    def settle(self) -> None:
        """Drops what an earlier, killed run noted as pending; call it when all was made after all.

        The engine keeps such notes until a person has looked, because a cloud might have made something that nobody
        knows. Everything here is made by name and found again by name, so nothing can be left over.
        """
        exported = self.call("stack", "export", "--stack", self.stack, capture=True)
        state = json.loads(exported.stdout) if exported.returncode == 0 else {}
        if not state.get("deployment", {}).pop("pending_operations", None):
            return
        path = self.log("settled").with_suffix(".json")
        record.write(path, json.dumps(state).encode())
        self.call("stack", "import", "--stack", self.stack, "--file", str(path), capture=True)
        path.unlink()

    def ensure_stack(self) -> None:
        """Creates the stack in the backend where it is not there yet; raises FjordkubeError with the engine's words.

        In a folder of its own: the engine would write the stack file beside Pulumi.yaml anew. From there the salt goes
        into the engine's copy, or to the end of the stack's own file; a salt that the file has is used.
        """
        if self.exists():
            return
        folder = home_root().resolve() / f"init-{os.getpid()}"
        folder.mkdir(parents=True, exist_ok=True)
        project = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": project["name"], "runtime": "python"}))
        made_file = folder / f"Pulumi.{self.stack}.yaml"
        made_file.unlink(missing_ok=True)
        words = ["stack", "init", self.stack, "--no-select"]
        if not self.place.of_checkout:
            content = stackfile.read(self.config_file)
            made_file.write_text(yaml.safe_dump({key: content[key] for key in stackfile.SALTS if key in content}))
            if content.get("secretsprovider"):
                words += ["--secrets-provider", content["secretsprovider"]]
        made = self.call(*words, capture=True, folder=folder)
        if made.returncode:
            raise FjordkubeError(f"stack {self.stack}: the engine could not create it: {made.stderr.strip()}")
        if made_file.exists():
            salts = yaml.safe_load(made_file.read_text()) or {}
            if self.place.of_checkout:
                content = (yaml.safe_load(self.config_file.read_text()) or {}) | salts
                record.write(self.config_file, yaml.safe_dump(content, sort_keys=False).encode())
            else:
                stackfile.add_salts(self.config_file, salts)
        shutil.rmtree(folder)

    @contextmanager
    def empty(self) -> Iterator[Engine]:
        """The engine on a new stack of that name, in a state that is thrown away at the end; changes nothing else."""
        locked = stackfile.has_secrets(stackfile.read(self.config_file))
        if locked and not backend.has_passphrase():
            fix = f"set {' or '.join(backend.PASSPHRASE)}"
            raise FjordkubeError(f"passphrase: none is set, and {self.config_file} has secret values; {fix}")
        with tempfile.TemporaryDirectory(prefix="fjordkube-preview-") as name:
            folder = Path(name)
            (folder / "state").mkdir()
            file = folder / f"Pulumi.{self.stack}.yaml"
            stackfile.new(self.config_file, file)
            variables = {backend.VARIABLE: (folder / "state").as_uri()}
            if not locked:
                variables[backend.PASSPHRASE[0]] = secrets.token_urlsafe(32)
            made = replace(self, config_file=file, place=backend.Place(variables[backend.VARIABLE], False, variables))
            made.ensure_stack()
            yield made

    def outputs(self, secrets_shown: bool = False) -> dict[str, Any]:
        """The stack's outputs; empty where there are none. Without `secrets_shown`, secrets are not told."""
        found = None if secrets_shown or not self.place.of_checkout else state.outputs(self.stack)
        if found is not None:
            return found
        extra = ["--show-secrets"] if secrets_shown else []
        done = self.call("stack", "output", "--json", "--stack", self.stack, *extra, capture=True)
        return dict(json.loads(done.stdout)) if done.returncode == 0 and done.stdout.strip() else {}
