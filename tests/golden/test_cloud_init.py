"""User data of a new machine, as cloud-init reads it."""

from __future__ import annotations

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
    assert ("fs_setup" in read) == (disk is not None)
