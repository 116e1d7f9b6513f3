"""KVM or emulation: decided by booting, because /dev/kvm may be there and still not run a stock guest.

Owns the probe (the bundle's kernel, without a disk, for a few seconds) and its cached result. Leaves what follows from
it to settings and `components/timing`.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fjordkube.errors import MachineError
from fjordkube.helpers.local_vm import qemu, record
from fjordkube.roots import cache_root

if TYPE_CHECKING:
    from fjordkube.helpers.local_vm.image import VmImage

Accelerator = Literal["kvm", "tcg"]

DEVICE = Path("/dev/kvm")

PROBE_SECONDS = 8
"""With KVM a kernel comes to its missing root in about one second; where KVM does not work, nothing comes at all."""

PROOF = b"Unable to mount root fs"
"""The kernel's last words without a disk: it has then been through all of its own start."""


def choose(wanted: Literal["auto", "kvm", "tcg"], image: VmImage | None) -> Accelerator:
    """What machines run with. Raises MachineError when KVM is demanded and does not run a guest.

    `image`: None where it is not built, so that there is nothing to boot: the answer is then what is expected.
    """
    if wanted == "tcg":
        return "tcg"
    found = probe(image) if image else expected()
    if wanted == "kvm" and found != "kvm":
        raise MachineError(
            f"nodes.accelerator: kvm, but a guest does not boot with {DEVICE} on this host;"
            " use auto or tcg, or enable virtualisation and add yourself to the group kvm"
        )
    return found


def probe(image: VmImage) -> Accelerator:
    """kvm if the bundle's kernel really boots with it, else tcg. Bounded by PROBE_SECONDS; cached per host boot."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return "tcg"
    key = _key(image)
    store = cache_root() / "accelerator.json"
    known = _read(store)
    if known.get("key") == key and known.get("accelerator") in ("kvm", "tcg"):
        return "kvm" if known["accelerator"] == "kvm" else "tcg"
    result: Accelerator = "kvm" if boots(image.kernel, PROBE_SECONDS) else "tcg"
    store.parent.mkdir(parents=True, exist_ok=True)
    record.write(store, json.dumps({"key": key, "accelerator": result}).encode())
    return result


def expected() -> Accelerator:
    """What a probe would most likely find: what one found before with whatever image, else kvm where it is there."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return "tcg"
    return "tcg" if _read(cache_root() / "accelerator.json").get("accelerator") == "tcg" else "kvm"


def boots(kernel: Path, seconds: float) -> bool:
    """True when this kernel comes as far as its missing root with KVM within `seconds`."""
    words = [qemu.program(os.environ), "-nodefaults", "-no-user-config", "-M", "q35", "-accel", "kvm", "-cpu", "host"]
    words += ["-m", "256", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
    words += ["-display", "none", "-serial", "stdio", "-no-reboot"]
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
    except FileNotFoundError:
        return False
    assert process.stdout is not None
    end, seen = time.monotonic() + seconds, b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while PROOF not in seen and (left := end - time.monotonic()) > 0:
                if not selector.select(left):
                    break
                piece = os.read(process.stdout.fileno(), 65536)
                if not piece:
                    break
                seen += piece
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    return PROOF in seen


def _key(image: VmImage) -> str:
    """Changes with whatever could change the answer: the host's boot, QEMU's program, the guest's kernel."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    program = shutil.which(qemu.program(os.environ))
    if program is None:
        return f"{boot} no-qemu"
    state = Path(program).resolve().stat()
    return f"{boot} {program} {state.st_size} {state.st_mtime_ns} {image.digest}"


def _read(store: Path) -> dict[str, str]:
    try:
        entry = json.loads(store.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return entry if isinstance(entry, dict) else {}
