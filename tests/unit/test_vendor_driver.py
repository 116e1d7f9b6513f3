"""The program that talks to a vendor's command, against a vendor that has only paper."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.vendor import fake_vendor

FAKE = Path(fake_vendor.__file__)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexampleexampleexampleexampleexampleexamplee"


def environment(folder: Path, mode: str = "paper", **changed: str) -> dict[str, str]:
    """What Pulumi would start the driver with."""
    return {
        **os.environ,
        "TMPDIR": str(folder),  # for locks
        "VENDOR_COMMAND": json.dumps([sys.executable, str(FAKE), str(folder), mode]),
        "VENDOR_CALL_SECONDS": "20",
        "VENDOR_PATIENCE_SECONDS": "30",
        "VENDOR_NAME": "prod-w1",
        "VENDOR_HOSTNAME": "w1",
        "VENDOR_ROLE": "worker",
        "VENDOR_ZONE": "no-osl1",
        "VENDOR_PLAN": "nvme-2",
        "VENDOR_IMAGE": "debian-13",
        "VENDOR_PRIVATE_NETWORK": "10.1.0.0/24",
        "VENDOR_PRIVATE_ADDRESS": "10.1.0.101",
        "VENDOR_ETCD_DISK": "no",
        "VENDOR_SSH_PUBLIC_KEY": KEY,
        **changed,
    }


def run(verb: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The driver, to its end."""
    words = [sys.executable, "-m", "fjordkube.helpers", f"vendor-{verb}"]
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)


def orders(folder: Path) -> list[str]:
    """What the vendor would bill."""
    return fake_vendor.orders(folder)


def test_machine_is_ordered_once_and_found_again(tmp_path: Path) -> None:
    first, second = run("create", environment(tmp_path)), run("create", environment(tmp_path))
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert json.loads(first.stdout)["id"].startswith("vm-")
    assert json.loads(first.stdout)["zone"] == "no-osl1"
    assert orders(tmp_path) == ["prod-w1"]


def test_machine_that_is_building_is_waited_for(tmp_path: Path) -> None:
    done = run("create", environment(tmp_path, "building"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "prod-w1.looked").exists()


@pytest.mark.parametrize("mode", ["halfway", "slow-answer"])
def test_order_whose_answer_was_lost_is_found_and_not_repeated(tmp_path: Path, mode: str) -> None:
    lost = run("create", environment(tmp_path, mode, VENDOR_CALL_SECONDS="3"))
    assert lost.returncode == 1
    assert orders(tmp_path) == ["prod-w1"]
    again = run("create", environment(tmp_path))
    assert again.returncode == 0, again.stderr
    assert "is there already" in again.stderr
    assert orders(tmp_path) == ["prod-w1"]


def test_driver_that_is_ended_in_the_middle_leaves_no_vendor_process_and_orders_once(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "fjordkube.helpers", "vendor-create"]
    process = subprocess.Popen(words, env=environment(tmp_path, "slow-answer"), stderr=subprocess.PIPE)
    end = time.monotonic() + 20
    while not orders(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert not processes(str(tmp_path))
    assert run("create", environment(tmp_path)).returncode == 0
    assert orders(tmp_path) == ["prod-w1"]


def test_order_that_a_killed_driver_left_behind_is_waited_for_and_not_repeated(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "fjordkube.helpers", "vendor-create"]
    late = environment(tmp_path, "late")
    process = subprocess.Popen(words, env=late, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not (tmp_path / "asked").exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert orders(tmp_path) == [], "the vendor's command must be between being asked and ordering"
    again = run("create", late)
    assert again.returncode == 0, again.stderr
    assert "prod-w1: another run is not done with it yet; waiting" in again.stderr
    assert orders(tmp_path) == ["prod-w1"]


def test_machine_that_the_list_leaves_out_is_neither_ordered_again_nor_left_there(tmp_path: Path) -> None:
    assert run("create", environment(tmp_path)).returncode == 0
    vendor = tmp_path / "vendor"
    fake = shlex.join([sys.executable, str(FAKE), str(tmp_path), "paper"])
    empty = json.dumps({"contract": "1", "machines": []})
    vendor.write_text(f"#!/bin/sh\n[ $1 = list ] && echo '{empty}' || exec {fake} $1\n")
    vendor.chmod(0o755)
    env = environment(tmp_path, VENDOR_COMMAND=json.dumps([str(vendor)]))
    assert run("create", env).returncode == 0
    assert orders(tmp_path) == ["prod-w1"]
    assert run("delete", env).returncode == 0
    assert fake_vendor.machines(tmp_path) == {}


def test_words_of_the_vendor_are_repeated_without_escapes_and_not_at_any_length(tmp_path: Path) -> None:
    vendor = tmp_path / "vendor"
    vendor.write_text("#!/bin/sh\nprintf '\\033[2J%01000d\\n' 7 >&2\nexit 4\n")
    vendor.chmod(0o755)
    done = run("create", environment(tmp_path, VENDOR_COMMAND=json.dumps([str(vendor)])))
    assert "list: the vendor's command failed (exit status 4): [2J000" in done.stderr
    assert "\033" not in done.stderr
    assert len(done.stderr) < 400


def processes(word: str) -> list[str]:
    """Command lines that hold the word, ours left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if word in line and "fake_vendor" in line:
                found.append(line)
    return found


def test_delete_takes_the_machine_away_and_is_fine_without_one(tmp_path: Path) -> None:
    assert run("create", environment(tmp_path)).returncode == 0
    assert run("delete", environment(tmp_path)).returncode == 0
    assert fake_vendor.machines(tmp_path) == {}
    assert run("delete", environment(tmp_path)).returncode == 0


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("text", "list: the vendor's command printed 45 characters that are not JSON; the adapter must print one"),
        ("other-name", "create prod-w1: the answer is about somebody-else; the adapter must print the name"),
        ("foreign-zone", "prod-w1: zone is se-sto1, ordered was no-osl1. Fix: correct the adapter"),
        ("other-address", "prod-w1: private_address is 10.99.99.99, ordered was 10.1.0.101. Fix:"),
        ("no-host-key", "prod-w1: host_key is not a public key line"),
        ("odd-ports", "prod-w1: ports is not a mapping of ssh, api, http, https to port numbers"),
        ("odd-state", "create prod-w1: state is thinking; the adapter must print one of building, running"),
        ("failed", "prod-w1: the vendor could not build it; delete it at the vendor and run up again"),
        ("other-version", 'create: the answer is not of contract "1"; the adapter must print a field contract'),
        ("refuses", "create: the vendor's command failed (exit status 1): no more machines in this zone"),
        ("hang", "list: the vendor's command did not answer within 1 s and was ended; look at the vendor"),
    ],
)
def test_vendor_that_breaks_the_contract_is_named_with_state_and_fix(tmp_path: Path, mode: str, words: str) -> None:
    seconds = "1" if mode == "hang" else "20"
    done = run("create", environment(tmp_path, mode, VENDOR_CALL_SECONDS=seconds))
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert KEY not in done.stderr
    assert done.stdout == ""


def test_command_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "vendor"
    plain.write_text("#!/bin/sh\n")
    for path, words in (
        ("/nowhere/vendor", "is not there; correct the path, or install it"),
        (str(plain), f"is not executable; run: chmod +x {plain}"),
    ):
        done = run("create", environment(tmp_path, VENDOR_COMMAND=json.dumps([path])))
        assert done.returncode == 1
        assert f"nodes.command: {path} {words}" in done.stderr


def test_two_machines_of_one_name_are_not_chosen_between(tmp_path: Path) -> None:
    vendor = tmp_path / "vendor"
    listing = json.dumps({"contract": "1", "machines": [{"name": "prod-w1"}, {"name": "prod-w1"}]})
    vendor.write_text(f"#!/bin/sh\necho '{listing}'\n")
    vendor.chmod(0o755)
    done = run("create", environment(tmp_path, VENDOR_COMMAND=json.dumps([str(vendor)])))
    assert "prod-w1: the vendor has 2 machines of this name; delete all but one there" in done.stderr
