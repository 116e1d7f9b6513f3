"""What stacks of the tests' own vendor have in common: his machines, their stack file, his book.

Owns the stack file. Leaves what is asked of such a stack to the tests.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from fjordkube.helpers.local_vm.image import VmImage
from fjordkube.nodes.local import accelerator
from tests.vendor import fake_vendor

FAKE = Path(fake_vendor.__file__)


def stack(folder: Path, image: VmImage, artifacts: dict[str, Any]) -> dict[str, Any]:
    """The stack file: what a vendor's customer writes, but for the timing of emulated machines."""
    key = folder / "id_ed25519"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    emulated = accelerator.choose("auto", image) == "tcg"
    return {
        "cluster": {"name": "vend", "timing": "emulated" if emulated else "native"},
        "nodes": {
            "source": "vendor_cli",
            "command": [sys.executable, str(FAKE), str(folder / "vendor"), "machines"],
            "zone": "no-osl1",
            "image": image.digest,
            "control_plane_plan": "nvme-4",
            "worker_plan": "nvme-2",
            "control_planes": ["cp1"],
            "workers": ["w1"],
            "private_cidr": "192.168.77.0/24",
            "ssh_key_file": str(key),
            "call_seconds": 900,
        },
        "artifacts": artifacts,
        # QEMU's user network is where the vendor's customers come from
        "firewall": {"admin_cidrs": ["10.0.2.0/24"]},
    }


def orders(folder: Path) -> list[str]:
    """What the vendor bills."""
    return sorted(fake_vendor.orders(folder / "vendor"))


def machines(folder: Path) -> dict[str, Any]:
    """What the vendor runs."""
    return fake_vendor.machines(folder / "vendor")


def running(word: str) -> list[str]:
    """QEMU processes of the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if word in line and "qemu" in line:
                found.append(line[:200])
    return found
