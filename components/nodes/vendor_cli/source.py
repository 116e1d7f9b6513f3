"""Source `vendor_cli`: machines ordered by a vendor's command."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from fjordkube.nodes import cloud, stack_config
from fjordkube.nodes.login_key import LoginKey
from fjordkube.nodes.source import Machines, nodes_of, usual_ports
from fjordkube.nodes.vendor_cli.machines import VendorMachines, VendorMachinesArgs
from fjordkube.roots import project_root
from fjordkube.settings.nodes.vendor_cli import VendorNodes
from fjordkube.settings.secrets import SSH_KEY

if TYPE_CHECKING:
    from fjordkube.images import Images
    from fjordkube.settings import Stack


def check(settings: Stack, stack: str, programs: bool = True, preview: bool = False) -> None:  # noqa: ARG001
    """See components.nodes.source.Source. The command is looked at and not called: a preview orders nothing."""
    nodes = nodes_of(settings, VendorNodes)
    stack_config.vendor_variables()
    problems = [f"nodes.command: {problem}" for problem in _command(nodes.command)]
    cloud.check(nodes.ssh_key_file, programs, preview, problems)


def provide(settings: Stack, images: Images, stack: str) -> Machines:  # noqa: ARG001 - host/ brings them
    """See components.nodes.source.Source."""
    check(settings, stack, preview=pulumi.runtime.is_dry_run())
    nodes = nodes_of(settings, VendorNodes)
    ports, secrets = usual_ports(settings), stack_config.vendor_variables()
    args = VendorMachinesArgs(
        nodes,
        stack,
        ports,
        command=nodes.command,
        login_key=LoginKey("nodes-key", SSH_KEY, nodes.ssh_key_file),
        secrets=None if secrets is None else pulumi.Output.secret(secrets),
    )
    return Machines(VendorMachines("nodes", args).nodes)


def program(word: str) -> Path:
    """The command's file: a word with a slash starts in the project's folder, another one is looked for in PATH."""
    if "/" in word:
        return project_root() / os.path.expanduser(word)  # Path.expanduser raises for a user that is not there
    return Path(shutil.which(word) or word)


def _command(words: Sequence[str]) -> list[str]:
    word, file = words[0], program(words[0])
    if "/" not in word and not file.is_absolute():
        return [f"{word} is not in PATH; install it, or write its path with a slash, e.g. ./{word}"]
    if not os.path.exists(file):  # Path.exists raises where a folder on the way is closed to this user
        return [f"{file} is not there; correct the path, or install the vendor's adapter"]
    if file.is_dir():
        return [f"{file} is a folder; name the program in it"]
    if not os.access(file, os.X_OK):
        return [f"{file} is not executable; run: chmod +x {file}"]
    return []
