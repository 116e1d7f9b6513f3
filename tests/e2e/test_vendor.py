"""A stack whose machines a vendor's command hands out: the fake vendor of the tests, with real virtual machines.

They are plain Debian 13 with cloud-init, without Kubernetes and without a network outside: all that they need comes
from a bundle, over SSH. One worker: each emulated machine more makes the whole slower by a quarter.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands.setup import PLAIN
from fjordkube.helpers.local_vm import image
from fjordkube.nodes.local import accelerator
from fjordkube.roots import CHECKOUT
from offline import manifest, vendor_image
from tests.e2e import cluster
from tests.engine.command import Commands
from tests.vendor import fake_vendor

UP_SECONDS = 1800
HOST = "demo.fjord.internal"
FAKE = Path(fake_vendor.__file__)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the vendor keeps its machines, and the stack its state."""
    made = Path(tempfile.mkdtemp(prefix="fjordkube-vendor-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Iterator[Path]:
    """All that the vendor's machines lack; below the checkout, where a stack file can name it."""
    made = CHECKOUT / ".fjordkube" / "bundles" / folder.name
    words = ["bundle", "--releases", PLAIN, "--output", str(made)]
    subprocess.run([sys.executable, "-m", "commands", *words], cwd=CHECKOUT, check=True)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def vendor(folder: Path, bundle: Path) -> Iterator[Commands]:
    """Commands on a stack of the vendor's machines. Whatever happened, they are gone afterwards."""
    made = Commands(folder / "home", folder / "Pulumi.vendor.yaml", "vendor")
    made.write(stack(folder, bundle))
    try:
        yield made
    finally:
        made.run("down", limit=600)


def stack(folder: Path, bundle: Path) -> dict[str, Any]:
    """The stack file: what a vendor's customer writes, but for the timing of emulated machines."""
    key = folder / "id_ed25519"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    found = image.find(vendor_image.digest(manifest.load(), PLAIN))
    emulated = accelerator.choose("auto", found) == "tcg"
    return {
        "cluster": {"name": "vend", "timing": "emulated" if emulated else "native"},
        "nodes": {
            "source": "vendor_cli",
            "command": [sys.executable, str(FAKE), str(folder / "vendor"), "machines"],
            "zone": "no-osl1",
            "image": found.digest,
            "control_plane_plan": "nvme-4",
            "worker_plan": "nvme-2",
            "control_planes": ["cp1"],
            "workers": ["w1"],
            "private_cidr": "192.168.77.0/24",
            "ssh_key_file": str(key),
            "call_seconds": 900,
        },
        "artifacts": {"source": "bundle", "path": str(bundle.relative_to(CHECKOUT)), "origin": "built"},
        # QEMU's user network is where the vendor's customers come from
        "firewall": {"admin_cidrs": ["10.0.2.0/24"]},
    }


def orders(folder: Path) -> list[str]:
    """What the vendor bills."""
    return sorted(fake_vendor.orders(folder / "vendor"))


def test_orders_that_were_cut_off_are_found_and_not_repeated(vendor: Commands, folder: Path) -> None:
    killed = vendor.start("up")
    assert killed.stdout is not None
    # the plan that it shows first is longer than what a pipe holds
    threading.Thread(target=killed.stdout.read, daemon=True).start()
    end = time.monotonic() + 240
    while len(orders(folder)) < 2:
        assert killed.poll() is None, "up ended before both machines were ordered"
        assert time.monotonic() < end, "two machines were not ordered"
        time.sleep(0.2)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()

    # As `pulumi cancel` does: a lock in a backend that others may use is a person's to take away.
    shutil.rmtree(vendor.home / "state" / ".pulumi" / "locks")

    done = vendor.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    assert orders(folder) == ["vendor-cp1", "vendor-w1"]
    for gate in ("bgp", "data-path", "ipvs", "ingress"):
        assert f"gate {gate}: passed" in done.text


def test_a_request_is_served(vendor: Commands) -> None:
    outputs = cluster.outputs(vendor)
    status, text = cluster.get(int(outputs["ports"]["w1"]["http"]), HOST)
    assert status == 200
    assert "pod: demo-" in text
    assert outputs["residency"]["zones"] == {"cp1": "no-osl1", "w1": "no-osl1"}
    assert set(outputs["gates"]) == {"disk", "bgp", "data-path", "ipvs", "ingress"}


def test_a_second_up_changes_nothing(vendor: Commands, folder: Path) -> None:
    done = vendor.run("up")
    assert done.code == 0, done.text
    assert re.search(r"engine done in .*: \d+ unchanged", done.text)
    assert len(orders(folder)) == 2


def test_down_gives_the_machines_back(vendor: Commands, folder: Path) -> None:
    done = vendor.run("down", 600, show=True)
    assert done.code == 0, done.text
    assert fake_vendor.machines(folder / "vendor") == {}
    assert not running(str(folder))


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
