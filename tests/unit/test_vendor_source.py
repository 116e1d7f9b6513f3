"""What of this computer the source `vendor_cli` refuses at preview, all at once; the command is never called."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from fjordkube.errors import MachineError
from fjordkube.nodes import host_keys
from fjordkube.nodes.vendor_cli import source
from fjordkube.roots import CHECKOUT
from fjordkube.settings import load


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A login key that can be used."""
    path = tmp_path / "id_ed25519"
    path.touch(mode=0o600)
    path.write_text(host_keys.derive("a seed that is used by tests alone, 43 letters", "login", "nobody").private)
    return path


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """A command that leaves a trace when it runs."""
    path = tmp_path / "vendor"
    path.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    path.chmod(0o755)
    return path


def said(word: str | Path, key: str | Path) -> str:
    """The refusal; empty when there is none."""
    nodes: dict[str, Any] = {
        "source": "vendor_cli",
        "command": [str(word), "--account", "7"],
        "zone": "no-osl1",
        "image": "debian-13",
        "control_plane_plan": "nvme-4",
        "worker_plan": "nvme-2",
        "ssh_key_file": str(key),
    }
    settings = load({"nodes": nodes, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}})
    try:
        source.check(settings, "test")
    except MachineError as error:
        return str(error)
    return ""


def test_command_and_key_that_are_there_pass_and_nothing_is_run(key: Path, vendor: Path, tmp_path: Path) -> None:
    assert said(vendor, key) == ""
    assert not (tmp_path / "ran").exists()


def test_command_that_is_not_there_is_named_with_where_it_was_looked_for(key: Path, tmp_path: Path) -> None:
    assert said(tmp_path / "nothing", key) == (
        f"1 problem on this computer:\n  - nodes.command: {tmp_path}/nothing is not there; "
        "correct the path, or install the vendor's adapter"
    )
    assert f"nodes.command: {CHECKOUT}/adapters/nothing.sh is not there" in said("adapters/nothing.sh", key)
    assert "~nobody-at-all/vendor is not there" in said("~nobody-at-all/vendor", key)


def test_word_without_a_slash_is_looked_for_in_path_alone(
    key: Path, vendor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "nodes.command: vendor is not in PATH; install it, or write its path with a slash" in said("vendor", key)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert said("vendor", key) == ""
    assert source.program("vendor") == vendor


def test_relative_path_starts_in_the_checkout_and_tilde_is_this_users_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert source.program("adapters/vendor.sh") == CHECKOUT / "adapters" / "vendor.sh"
    assert source.program("~/vendor") == tmp_path / "vendor"


def test_folder_and_file_that_cannot_be_run_are_told_apart(key: Path, vendor: Path, tmp_path: Path) -> None:
    assert f"nodes.command: {tmp_path} is a folder; name the program in it" in said(tmp_path, key)
    vendor.chmod(0o644)
    assert f"nodes.command: {vendor} is not executable; run: chmod +x {vendor}" in said(vendor, key)


def test_bad_command_and_bad_key_are_told_at_once(key: Path, vendor: Path, tmp_path: Path) -> None:
    key.chmod(0o644)
    vendor.chmod(0o644)
    lines = said(vendor, key).splitlines()
    assert lines[0] == "2 problems on this computer:"
    assert lines[1].startswith("  - nodes.command: ")
    assert lines[2].startswith("  - nodes.ssh_key_file: ")
    assert lines[2].endswith(f"run: chmod 600 {key}")
    assert len(lines) == 3
    assert not (tmp_path / "ran").exists()


def test_ssh_is_looked_for_as_by_every_source(key: Path, vendor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert "ssh: not in PATH; install it (Debian package openssh-client)" in said(vendor, key)


def test_missing_key_names_the_command_that_makes_one(vendor: Path, tmp_path: Path) -> None:
    assert f"make one by: ssh-keygen -t ed25519 -N '' -f {tmp_path}/none" in said(vendor, tmp_path / "none")
