"""Machines that a vendor's command hands out: the fake vendor of the tests, with real virtual machines.

Ordered, lost sight of, found again, prepared and given back. They carry their software, as an image of one's own does.
A cluster on machines of this vendor, which carry none: test_plain.py.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fjordkube.nodes.local import vm_image
from fjordkube.versions import DEFAULT_CALICO, DEFAULT_KUBERNETES
from tests.e2e.vendor import machines, orders, running, stack
from tests.engine.command import Commands


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the vendor keeps its machines, and the stack its state."""
    made = Path(tempfile.mkdtemp(prefix="fjordkube-vendor-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def vendor(folder: Path) -> Iterator[Commands]:
    """Commands on a stack of the vendor's machines. Whatever happened, they are gone afterwards."""
    made = Commands(folder / "home", folder / "Pulumi.vendor.yaml", "vendor")
    # the vendor runs with the stack's home, which knows no image of this checkout: it is named by its digest
    image = vm_image.find(DEFAULT_KUBERNETES, DEFAULT_CALICO)
    made.write(stack(folder, image, {"install": False, "origin": "built"}))
    try:
        yield made
    finally:
        made.run("down", limit=600)


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
    vendor.kill(killed)


def test_the_machines_become_kubernetes_hosts(vendor: Commands, folder: Path) -> None:
    """Their cluster is brought up by test_plain.py; from here on nothing knows where a machine came from."""
    vendor.cut_off("up", *(f"{node}: prepared as a Kubernetes host" for node in ("cp1", "w1")))
    assert orders(folder) == ["vendor-cp1", "vendor-w1"]
    assert len(machines(folder)) == 2


def test_down_gives_the_machines_back(vendor: Commands, folder: Path) -> None:
    done = vendor.run("down", 600, show=True)
    assert done.code == 0, done.text
    assert machines(folder) == {}
    assert not running(str(folder))
