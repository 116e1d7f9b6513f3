"""The guest kernel's command line: pure.

Owns its words. Under emulation, mitigations and self-tests cost time and protect nobody: the CPU is a program.
"""

from __future__ import annotations

BASE = ("console=ttyS0", "root=/dev/vda", "rw", "quiet", "loglevel=4", "net.ifnames=0", "panic=1")
"""panic=1 with QEMU's -no-reboot ends the process, so a guest that cannot boot is seen at once; one that has booted
before reboots."""

EMULATED = (
    # Measured on 2 cores without KVM: power-on to SSH in 19 s with these.
    "mitigations=off",
    "nokaslr",
    "cryptomgr.notests",
    "tsc=reliable",
    "nowatchdog",
    "nmi_watchdog=0",
    "audit=0",
    "apparmor=0",
    "selinux=0",
    "random.trust_cpu=on",
    "rcupdate.rcu_expedited=1",
    "damon_stat.enabled=0",
    "init_on_alloc=0",
    "psi=0",
    "transparent_hugepage=never",
    "kfence.sample_interval=0",
    "randomize_kstack_offset=off",
    "hardened_usercopy=off",
    # A tick of its own every 4 ms instead of a timer set anew at each wait and each switch: setting one wakes QEMU's
    # main thread, and was 13 % of a control plane's time.
    "highres=off",
    "nohz=off",
)

GROW = "systemd.wants=systemd-growfs-root.service"
"""Lets systemd grow the root filesystem to its disk; one process more at boot, so asked only where it has an effect."""


def command_line(name: str, accelerator: str, tsc_khz: int | None, grow: bool) -> str:
    """Kernel command line of machine `name`. `tsc_khz`: the host's TSC rate in kHz, saves the guest's calibration."""
    words = list(BASE)
    if accelerator == "tcg":
        words += EMULATED
        if tsc_khz:
            words.append(f"tsc_early_khz={tsc_khz}")
    if grow:
        words.append(GROW)
    words.append(f"systemd.hostname={name}")
    return " ".join(words)


def tsc_khz(cpuinfo: str) -> int | None:
    """TSC rate in kHz from the text of /proc/cpuinfo: half the bogomips, x 1000; None where it is not told."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "bogomips":
            return int(float(value) * 500)
    return None
