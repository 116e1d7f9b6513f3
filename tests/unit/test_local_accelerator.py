"""KVM or emulation: what really boots decides."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fjordkube.errors import MachineError
from fjordkube.helpers.local_vm.image import VmImage
from fjordkube.nodes.local import accelerator

VM_IMAGE = VmImage(Path("/cache/kernel"), Path("/cache/initrd"), Path("/cache/base"), "abc", "6.12", {})
PROOF = "VFS: Unable to mount root fs on unknown-block(0,0)"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A computer with /dev/kvm; sets what QEMU does with it, counts how often it was asked."""
    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setattr(accelerator, "DEVICE", device)
    monkeypatch.setattr(accelerator, "PROBE_SECONDS", 1)
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
    program = tmp_path / "qemu"
    monkeypatch.setenv("FJORDKUBE_QEMU", str(program))

    class Host:
        path = program
        kvm = device

        def boots(self, body: str) -> None:
            program.write_text(f"#!/bin/bash\necho asked >>{tmp_path / 'asked'}\n{body}\n")
            program.chmod(0o755)

        @property
        def asked(self) -> int:
            return (tmp_path / "asked").read_text().count("asked") if (tmp_path / "asked").exists() else 0

    return Host()


def test_guest_that_comes_to_its_missing_root_proves_kvm(host: Any) -> None:
    host.boots(f"echo 'Linux version 6'; echo '{PROOF}'; exec sleep 30")
    before = time.monotonic()
    assert accelerator.choose("auto", VM_IMAGE) == "kvm"
    assert time.monotonic() - before < 1
    assert accelerator.choose("kvm", VM_IMAGE) == "kvm"


@pytest.mark.parametrize("body", ["exit 1", "echo 'KVM internal error'", "exec sleep 30", "echo Linux; exec sleep 30"])
def test_device_that_boots_nothing_means_emulation_in_bounded_time(host: Any, body: str) -> None:
    host.boots(body)
    before = time.monotonic()
    assert accelerator.choose("auto", VM_IMAGE) == "tcg"
    assert time.monotonic() - before < 5


def test_demanded_kvm_that_boots_nothing_is_refused_with_the_ways_out(host: Any) -> None:
    host.boots("exit 1")
    with pytest.raises(MachineError, match=r"^nodes\.accelerator: kvm, but a guest does not boot with .*; use auto or"):
        accelerator.choose("kvm", VM_IMAGE)


def test_without_the_device_or_where_emulation_is_asked_nothing_is_tried(host: Any) -> None:
    host.boots(f"echo '{PROOF}'")
    assert accelerator.choose("tcg", VM_IMAGE) == "tcg"
    host.kvm.unlink()
    assert accelerator.choose("auto", VM_IMAGE) == "tcg"
    assert host.asked == 0


def test_answer_is_kept_until_what_it_rests_on_changes(host: Any) -> None:
    host.boots(f"echo '{PROOF}'")
    assert [accelerator.probe(VM_IMAGE) for _ in range(3)] == ["kvm"] * 3
    assert host.asked == 1
    accelerator.probe(replace(VM_IMAGE, digest="other"))
    assert host.asked == 2
    host.boots("exit 1 # another QEMU")
    assert accelerator.probe(replace(VM_IMAGE, digest="other")) == "tcg"
    assert host.asked == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": "x", "accelerator": "xen"}'])
def test_broken_note_of_the_answer_is_asked_again(host: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "accelerator.json").write_text(text)
    host.boots(f"echo '{PROOF}'")
    assert accelerator.probe(VM_IMAGE) == "kvm"


def test_missing_qemu_means_emulation(host: Any) -> None:
    assert accelerator.probe(VM_IMAGE) == "tcg"


def test_without_an_image_nothing_boots_and_an_earlier_answer_is_expected_again(host: Any) -> None:
    host.boots("exit 1")
    assert accelerator.choose("auto", None) == "kvm"
    assert host.asked == 0
    assert accelerator.probe(VM_IMAGE) == "tcg"
    assert accelerator.choose("auto", None) == "tcg"
    assert host.asked == 1
    host.kvm.unlink()
    with pytest.raises(MachineError, match=r"^nodes\.accelerator: kvm"):
        accelerator.choose("kvm", None)
