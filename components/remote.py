"""The only wrapper over pulumi_command.remote: how shell reaches a node.

Owns the text of a remote command (header, library, quoted values, files, script bodies) and the dial budget.
Leaves what the scripts do to `components/scripts/`. Values and files here are not secret: they show in diffs.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
from pulumi_command import remote

SCRIPTS = Path(__file__).parent / "scripts"

DIAL_ERROR_LIMIT = 70
"""Dial attempts of one command: about 5 min with pulumi-command's back-off (x1.5 from 100 ms, cap 5 s)."""


@dataclass(frozen=True)
class File:
    """A text file to lay down on a node."""

    text: str
    mode: str = "0644"


def script(name: str) -> str:
    """The text of components/scripts/`name`.sh."""
    return _read(SCRIPTS / f"{name}.sh")


@cache
def _read(path: Path) -> str:
    # once for all nodes
    return path.read_text()


def shell(scripts: Sequence[str], values: Mapping[str, str], files: Mapping[str, File | str] | None = None) -> str:
    """One bash text: header, library, assignments, files, then the scripts in order.

    Values are quoted; a file is written only where its content differs (lib.sh write_file).
    """
    parts = ["set -euo pipefail", script("lib")]
    parts += [f"{key}={shlex.quote(value)}" for key, value in sorted(values.items())]
    for path, entry in sorted((files or {}).items()):
        file = entry if isinstance(entry, File) else File(entry)
        mark = "EOF_" + hashlib.sha256(file.text.encode()).hexdigest()[:8]
        body = file.text if file.text.endswith("\n") else file.text + "\n"
        parts.append(f"write_file {shlex.quote(path)} {file.mode} <<'{mark}'\n{body}{mark}")
    parts += [script(name) for name in scripts]
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def as_root(text: str) -> str:
    """The bash text for a user who becomes root by `sudo -n`.

    A here-document, so that sudo's log holds `bash -s` and not the text; a function, so that bash has read all of it
    before any command in it could read the rest as its own input.
    """
    mark = "EOF_" + hashlib.sha256(text.encode()).hexdigest()[:8]
    body = text if text.endswith("\n") else text + "\n"
    return f"exec sudo -n bash -s <<'{mark}'\nfjordkube() {{\n{body}}}\nfjordkube </dev/null\n{mark}\n"


class Remote(remote.Command):
    """A remote command with a pinned host and a dial budget; `update` defaults to `create`, both idempotent."""

    def __init__(
        self,
        name: str,
        *,
        connection: remote.ConnectionArgs,
        create: pulumi.Input[str],
        delete: pulumi.Input[str] | None = None,
        triggers: Sequence[Any] | None = None,
        secret_output: bool = False,
        sudo: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`sudo`: whether the user of `connection` is not root (Node.sudo)."""
        if sudo:
            create = pulumi.Output.from_input(create).apply(as_root)
            delete = delete if delete is None else pulumi.Output.from_input(delete).apply(as_root)
        if secret_output:
            secret = pulumi.ResourceOptions(additional_secret_outputs=["stdout", "stderr"])
            opts = pulumi.ResourceOptions.merge(opts, secret)
        super().__init__(
            name,
            connection=connection,
            create=create,
            update=create,
            delete=delete,
            triggers=list(triggers) if triggers is not None else None,
            logging=remote.Logging.NONE if secret_output else remote.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=opts,
        )


def connection(
    host: pulumi.Input[str],
    port: pulumi.Input[int],
    private_key: pulumi.Input[str],
    host_key: pulumi.Input[str],
    user: str = "root",
    bastion: remote.ProxyConnectionArgs | None = None,
) -> remote.ConnectionArgs:
    """SSH to one node. `host_key` is its public key line ("ssh-ed25519 AAAA..."): another key is refused.

    `bastion`: the host to go through, as `through` makes it.
    """
    return remote.ConnectionArgs(
        host=host,
        port=pulumi.Output.from_input(port).apply(float),
        user=user,
        private_key=pulumi.Output.secret(private_key),
        host_key=host_key,
        proxy=bastion,
        dial_error_limit=DIAL_ERROR_LIMIT,
        per_dial_timeout=30,
    )


def through(
    host: str, port: int, private_key: pulumi.Input[str], host_key: str, user: str = "root"
) -> remote.ProxyConnectionArgs:
    """A bastion, with a key of its own and its own host key pinned."""
    return remote.ProxyConnectionArgs(
        host=host,
        port=float(port),
        user=user,
        private_key=pulumi.Output.secret(private_key),
        host_key=host_key,
        dial_error_limit=DIAL_ERROR_LIMIT,
        per_dial_timeout=30,
    )
