"""How a node is entered: the system's ssh against servers on loopback, by a bastion and by sudo."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fjordkube.helpers import ssh
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.ssh import Access
from tests.unit.ssh_server import SshServer

HELLO = 'echo "{\\"user\\": \\"$(id -un)\\", \\"said\\": \\"$SAID\\", \\"input\\": \\"$(cat)\\"}"'


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[SshServer, SshServer]]:
    """A bastion and a node, each with keys of its own."""
    with SshServer(tmp_path) as bastion, SshServer(tmp_path) as node:
        yield bastion, node


def entry(server: SshServer, **changes: Any) -> dict[str, Any]:
    at = server.connection
    names = {"host": "host", "port": "port", "user": "user", "key": "privateKey", "host_key": "hostKey"}
    return {**{name: at[theirs] for name, theirs in names.items()}, **changes}


def access(node: SshServer, bastion: SshServer | None = None, **changes: Any) -> Access:
    keys = [node.connection["privateKey"], bastion.connection["privateKey"] if bastion else ""]
    through = {"bastion": entry(bastion, key=1, **changes)} if bastion else {}
    return Access.from_entry({"name": "w1", **entry(node, key=0), **through}, keys)


def hello(way: Access, folder: Path) -> dict[str, Any]:
    return ssh.run(way.command(folder, connect_timeout=5), HELLO, {"SAID": "it's"}, "w1", attempts=1)


def test_node_is_entered_directly(servers: tuple[SshServer, SshServer], tmp_path: Path) -> None:
    _, node = servers
    assert hello(access(node), tmp_path)["said"] == "it's"
    assert node.commands == ["exec bash -s"]


def test_node_is_entered_through_its_bastion_which_runs_nothing(
    servers: tuple[SshServer, SshServer], tmp_path: Path
) -> None:
    bastion, node = servers
    assert hello(access(node, bastion), tmp_path)["said"] == "it's"
    assert bastion.forwarded == [("127.0.0.1", node.connection["port"])]
    assert bastion.commands == []
    assert node.commands == ["exec bash -s"]


@pytest.mark.parametrize("who", ["bastion", "node"])
def test_another_host_key_is_refused_at_the_bastion_and_behind_it(
    servers: tuple[SshServer, SshServer], tmp_path: Path, who: str
) -> None:
    bastion, node = servers
    way = access(node, bastion, **({"host_key": bastion.other_key} if who == "bastion" else {}))
    if who == "node":
        way = Access(**{**way.__dict__, "host_key": node.other_key})
    with pytest.raises(HelperError, match="not reachable by SSH"):
        hello(way, tmp_path)
    assert node.commands == []


def test_keys_are_files_of_this_user_alone_and_in_no_argument(
    servers: tuple[SshServer, SshServer], tmp_path: Path
) -> None:
    way = access(servers[1], servers[0])
    words = way.command(tmp_path)
    assert "PRIVATE KEY" not in repr(words)
    assert "PRIVATE KEY" not in repr(way)
    for name in ("w1-key", "w1.bastion-key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_user_who_is_not_root_becomes_it_without_a_password_asked(
    servers: tuple[SshServer, SshServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, node = servers
    sudo = tmp_path / "bin" / "sudo"
    sudo.parent.mkdir()
    sudo.write_text('#!/bin/bash\n[ "$1" = -n ] && shift && export SAID_BY=sudo && exec "$@"\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sudo.parent}:{os.environ['PATH']}")
    way = Access.from_entry({"name": "w1", **entry(node, key=0), "sudo": True}, [node.connection["privateKey"]])
    said = ssh.run(way.command(tmp_path), 'echo "{\\"by\\": \\"$SAID_BY\\"}"', {}, "w1", attempts=1)
    assert said == {"by": "sudo"}
    assert node.commands == ["exec sudo -n bash -s"]


def test_environment_of_one_node_says_the_same_as_the_list_of_a_gate(servers: tuple[SshServer, SshServer]) -> None:
    bastion, node = servers
    listed = access(node, bastion)
    variables = {f"FJORDKUBE_SSH_{name.upper()}": str(value) for name, value in entry(node).items()}
    env = {**variables, "FJORDKUBE_SSH_BASTION": json.dumps(entry(bastion)), "FJORDKUBE_SSH_SUDO": "yes"}
    single = Access.from_environment("w1", env)
    assert single == Access(**{**listed.__dict__, "sudo": True})
    assert Access.from_environment("w1", variables) == access(node)


def test_the_commands_input_is_the_script_and_nothing_of_it_is_left_to_read(
    servers: tuple[SshServer, SshServer], tmp_path: Path
) -> None:
    assert hello(access(servers[1]), tmp_path)["input"] == ""
    done = subprocess.run(access(servers[1]).command(tmp_path), input="exit 3\n", text=True, check=False)
    assert done.returncode == 3
