"""QEMU's command line, one option to a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fjordkube.helpers.local_vm import kernel, qemu
from fjordkube.helpers.local_vm.places import Files
from fjordkube.helpers.local_vm.spec import GUEST_PORTS, Power
from tests.golden.golden import check

PORTS = {"ssh": 22011, "api": 26443, "http": 28080, "https": 28443}


def machine(name: str, accelerator: str) -> Power:
    control_plane = name.startswith("cp")
    uses = ["ssh", "api"] if control_plane else ["ssh", "http", "https"]
    return Power(
        computer="0123456789abcdef",
        stack="local",
        name=name,
        role="control-plane" if control_plane else "worker",
        address="192.168.77.11" if control_plane else "192.168.77.101",
        accelerator=accelerator,
        cpus=2 if control_plane else 1,
        memory_mib=4096 if control_plane else 2048,
        disk_gib=12,
        etcd_disk_gib=4 if control_plane else 0,
        ports=dict.fromkeys(uses),
        guest_ports={use: GUEST_PORTS[use] for use in uses},
        boot=1,
    )


@pytest.mark.parametrize(("name", "accelerator"), [("cp1", "tcg"), ("w1", "tcg"), ("cp1", "kvm")])
def test_command_line_of_a_machine(name: str, accelerator: str) -> None:
    spec = machine(name, accelerator)
    append = kernel.command_line(name, accelerator, 2_500_000, grow=True)
    folder = Path("/srv/checkout/.fjordkube/vm/local") / name
    at = Files(folder, Path("/tmp/fjordkube-1000-0123abcd/local"), name)
    words = qemu.command(spec, at, {use: PORTS[use] for use in spec.ports}, append, "writeback")
    lines = "\n".join(words).replace("\n-", "\0-").replace("\n", " ").replace("\0", "\n")
    check(f"local/{name}-{'emulated' if accelerator == 'tcg' else 'kvm'}.txt", lines + "\n")
