"""Plain machines become nodes: a vendor's Debian 13 with cloud-init, without Kubernetes, and with no network outside.

All that they need comes from a bundle, over SSH. One worker, as in test_vendor.py.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.setup import PLAIN
from fjordkube.roots import CHECKOUT
from tests.e2e import cluster, existing
from tests.e2e.vendor import machines, orders, running, stack
from tests.engine.command import Commands

UP_SECONDS = 2400
HOST = "demo.fjord.internal"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the vendor keeps its machines, and the stack its state."""
    made = Path(tempfile.mkdtemp(prefix="fjordkube-plain-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def plain(folder: Path, plain_bundle: Path) -> Iterator[Commands]:
    """Commands on the stack. Whatever happened, its machines are gone afterwards."""
    made = Commands(folder / "home", folder / "Pulumi.vendor.yaml", "vendor")
    artifacts = {"source": "bundle", "path": str(plain_bundle.relative_to(CHECKOUT)), "origin": "built"}
    made.write(stack(folder, existing.image_of(PLAIN), artifacts))
    try:
        yield made
    finally:
        made.run("down", limit=600)


def test_plain_machines_become_a_cluster_that_serves(plain: Commands, folder: Path) -> None:
    done = plain.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    for gate in ("bgp", "data-path", "ipvs", "ingress"):
        assert f"gate {gate}: passed" in done.text
    assert orders(folder) == ["vendor-cp1", "vendor-w1"]
    outputs = cluster.outputs(plain)
    status, text = cluster.get(int(outputs["ports"]["w1"]["http"]), HOST)
    assert status == 200
    assert "pod: demo-" in text
    assert outputs["residency"]["zones"] == {"cp1": "no-osl1", "w1": "no-osl1"}
    assert set(outputs["gates"]) == {"disk", "bgp", "data-path", "ipvs", "ingress"}


def test_a_second_up_changes_nothing(plain: Commands, folder: Path) -> None:
    done = plain.run("up")
    assert done.code == 0, done.text
    assert re.search(r"engine done in .*: \d+ unchanged", done.text)
    assert len(orders(folder)) == 2


def test_down_gives_the_machines_back(plain: Commands, folder: Path) -> None:
    done = plain.run("down", 600, show=True)
    assert done.code == 0, done.text
    assert machines(folder) == {}
    assert not running(str(folder))
