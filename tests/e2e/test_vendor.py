"""A stack whose machines a vendor's command hands out: the fake vendor of the tests, with real virtual machines.

They carry their software, as an image of one's own does. One worker: it is the source that is tested here, and each
emulated machine more makes the whole slower by a quarter. Machines without it: test_plain.py.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fjordkube.nodes.local import vm_image
from fjordkube.versions import DEFAULT_CALICO, DEFAULT_KUBERNETES
from tests.e2e import cluster
from tests.e2e.vendor import machines, orders, running, stack
from tests.engine.command import Commands

UP_SECONDS = 1800
HOST = "demo.fjord.internal"


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
    assert machines(folder) == {}
    assert not running(str(folder))
