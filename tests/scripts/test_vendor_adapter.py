"""The example of a vendor's adapter, with a `coolvds` of paper: what it answers is what the driver takes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fjordkube.roots import CHECKOUT
from tests.unit.test_vendor_contract import definition, valid
from tests.unit.test_vendor_driver import KEY, environment, run
from tests.vendor import fake_coolvds

ADAPTER = CHECKOUT / "docs" / "sources" / "vendor-adapter-example.sh"
with_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


@pytest.fixture
def coolvds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a vendor whose command is on PATH."""
    program = tmp_path / "bin" / "coolvds"
    program.parent.mkdir()
    fake = shlex.join([sys.executable, fake_coolvds.__file__])
    program.write_text(f'#!/bin/sh\nexec {fake} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COOLVDS_FOLDER", str(tmp_path))
    return tmp_path


def orders(folder: Path) -> list[dict[str, Any]]:
    path = folder / "orders"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def asked(verb: str, request: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    words = [str(ADAPTER), verb]
    return subprocess.run(words, input=json.dumps(request), capture_output=True, text=True, timeout=30, check=False)


def driven(verb: str, folder: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """The driver, with the adapter as the vendor's command."""
    return run(verb, environment(folder, VENDOR_COMMAND=json.dumps([str(ADAPTER)]), **changed))


def test_adapter_is_clean() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    subprocess.run([str(shellcheck), "-x", str(ADAPTER)], check=True)
    assert os.access(ADAPTER, os.X_OK)


@with_jq
def test_machine_is_ordered_once_waited_for_and_taken_back(coolvds: Path) -> None:
    made, again = driven("create", coolvds), driven("create", coolvds)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout) == {
        "id": "9001",
        "zone": "no-osl1",
        "public_address": "203.0.113.7",
        "host_key": fake_coolvds.KEY,
        "ports": {},
    }
    assert again.stdout == made.stdout
    assert orders(coolvds) == [
        {
            "no_substitute": True,
            "label": "prod-w1",
            "hostname": "w1",
            "location": "no-osl1",
            "product": "nvme-2",
            "template": "debian-13",
            "vlan": "10.1.0.0/24",
            "private_ip": "10.1.0.101",
            "root_key": KEY,
            "extra_disk": None,
            "extra_disk_label": None,
        }
    ]
    gone = driven("delete", coolvds)
    assert gone.returncode == 0, gone.stderr
    assert json.loads((coolvds / "servers.json").read_text()) == []


@with_jq
def test_control_plane_gets_a_disk_for_etcd(coolvds: Path) -> None:
    made = driven("create", coolvds, VENDOR_ETCD_DISK="yes")
    assert made.returncode == 0, made.stderr
    assert [(order["extra_disk"], order["extra_disk_label"]) for order in orders(coolvds)] == [(10, "etcd")]


@with_jq
def test_answers_are_of_the_schema(coolvds: Path) -> None:
    assert json.loads(asked("read", {"contract": "1", "name": "prod-w1"}).stdout)["state"] == "absent"
    assert json.loads(asked("list", {"contract": "1"}).stdout) == {"contract": "1", "machines": []}
    assert driven("create", coolvds).returncode == 0
    for verb in ("read", "list", "delete"):
        answer = json.loads(asked(verb, {"contract": "1", "name": "prod-w1"}).stdout)
        assert valid(answer, definition(f"{verb}_answer")), answer


@with_jq
def test_vendor_that_fails_is_repeated_and_nothing_is_ordered(coolvds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOLVDS_DOWN", "1")
    for verb in ("create", "read", "delete", "list"):
        done = asked(verb, {"contract": "1", "verb": verb, "name": "prod-w1"})
        assert done.returncode != 0
        assert "coolvds: the API is being maintained" in done.stderr
        assert done.stdout == ""
    assert orders(coolvds) == []


@with_jq
@pytest.mark.parametrize(
    ("verb", "request_", "words"),
    [
        ("create", {"contract": "2"}, "the request is of contract 2"),
        ("create", {"contract": "1", "name": "prod-w1", "hostname": "w1"}, "no zone in the request"),
        ("read", {"contract": "1"}, "no name in the request"),
        ("reboot", {"contract": "1", "name": "prod-w1"}, "unknown verb reboot"),
    ],
)
def test_request_that_it_does_not_know_orders_nothing(
    coolvds: Path, verb: str, request_: dict[str, Any], words: str
) -> None:
    done = asked(verb, request_)
    assert done.returncode != 0
    assert words in done.stderr
    assert done.stdout == ""
    assert orders(coolvds) == []
