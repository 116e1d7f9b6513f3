"""User data of a new machine, as cloud-init reads it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from fjordkube.nodes.cloud_init import FirstBoot, text
from fjordkube.nodes.host_keys import HostKey
from tests.golden.golden import check

KEY = HostKey("ssh-ed25519 AAAAhost", "-----BEGIN KEY OF A TEST-----\nbm8ga2V5\n-----END KEY OF A TEST-----\n")


@pytest.mark.parametrize(("name", "disk"), [("cp1", "/dev/vdb"), ("w1", None)])
def test_user_data_of_a_machine(name: str, disk: str | None) -> None:
    rendered = text(FirstBoot(name, KEY, "ssh-ed25519 AAAAlogin", disk))
    check(f"cloud-init/{name}.yaml", rendered)
    assert rendered.startswith("#cloud-config\n")
    read = yaml.safe_load(rendered)
    assert read["ssh_keys"]["ed25519_private"] == KEY.private
    assert ("bootcmd" in read) == (disk is not None)


@pytest.mark.parametrize(
    ("found", "formatted"),
    [
        (2, True),  # nothing at all
        (0, False),  # a file system, or partitions
        (8, False),  # several that contradict each other
        (127, False),  # blkid is missing
    ],
)
def test_disk_on_which_anything_is_found_is_never_formatted(tmp_path: Path, found: int, formatted: bool) -> None:
    for name, status in (("blkid", found), ("mkfs.ext4", 0)):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$0 $*" >>{tmp_path}/calls\nexit {status}\n')
        program.chmod(0o755)
    (command,) = yaml.safe_load(text(FirstBoot("cp1", KEY, "ssh-ed25519 AAAAlogin", "/dev/vdb")))["bootcmd"]
    assert command[:3] == ["cloud-init-per", "instance", "etcd-disk"]
    subprocess.run(command[3:], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    calls = (tmp_path / "calls").read_text().replace(f"{tmp_path}/", "").splitlines()
    assert calls == ["blkid -p /dev/vdb", *(["mkfs.ext4 -q -F -L etcd /dev/vdb"] if formatted else [])]


def test_no_script_on_a_node_formats_anything() -> None:
    scripts = Path(__file__).parents[2] / "components" / "scripts"
    assert [path.name for path in scripts.glob("*.sh") if "mkfs" in path.read_text()] == []
