"""A guest's root file system: Debian's tree with containerd, Kubernetes and our units, configured without a boot.

Owns what differs from the packages. Leaves the packages to the manifest, names, keys and addresses to the seed of each
machine, and what depends on a stack's settings to components/host. What host preparation would write the same on every
node is written here already: on an emulated guest each file costs.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from fjordkube.host.preparation import shared_files
from fjordkube.host.units import API_PROXY
from offline import command
from offline.manifest import FOLDER

FILES = FOLDER / "guest" / "files"
"""Files of ours, laid over the tree as they are."""

PROGRAMS = ("kubeadm", "kubelet", "kubectl", "crictl", "etcdctl")

CNI_PROGRAMS = {"calico": "calico-cni", "calico-ipam": "calico-cni"}
"""Names in /opt/cni/bin by built program: laid down with the node, so that no pod copies 90 MB at each start."""

ENABLED = (
    "fjordkube-seed.service",
    "fjordkube-network.service",
    "ssh.service",
    "containerd.service",
    "kubelet.service",
    API_PROXY,
    "systemd-timesyncd.service",
)

MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "dracut-shutdown.service",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fio.service",  # a server that does as anybody says; only the program is wanted, for the disk gate
    "fstrim.timer",
    "getty@tty1.service",
    "haproxy.service",  # of HAProxy only the program is wanted, for the API's proxy
    "ipvsadm.service",  # restores a table of its own at boot: kube-proxy's is the one
    "kmod-static-nodes.service",
    "man-db.timer",
    "modprobe@configfs.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "proc-sys-fs-binfmt_misc.automount",
    "serial-getty@ttyS0.service",
    "ssh.socket",
    "sshd-keygen.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-tracing.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-binfmt.service",
    "systemd-boot-random-seed.service",
    "systemd-hwdb-update.service",
    "systemd-logind.service",  # nobody has a session: pam_systemd is off
    "systemd-networkd-wait-online.service",
    "systemd-tpm2-setup-early.service",
    "systemd-tpm2-setup.service",
    "systemd-udev-load-credentials.service",
)
"""Nothing in a guest needs them, and each costs a process start or a wake-up."""


def dress(root: Path, release: str, programs: Mapping[str, Path], sandbox_image: str, log: Path) -> None:
    """Configures the tree at `root` (a copy: it is changed). `programs` holds the built ones by name."""
    _modules(root, release, log)
    _files(root, sandbox_image)
    _logins(root)
    for name in PROGRAMS:
        install(programs[name], root / "usr/local/bin" / name)
    _cni(root, programs)
    command.run(["chroot", root, "systemctl", "enable", *ENABLED], log, append=True)
    command.run(["chroot", root, "systemctl", "mask", *MASKED], log, append=True)
    _clean(root)


def install(source: Path, target: Path) -> None:
    """A program in its place, runnable by all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _modules(root: Path, release: str, log: Path) -> None:
    # Uncompressed: loading one is then a read, not a decompression on an emulated processor.
    folder = root / "usr/lib/modules" / release
    script = (
        'find "$1" -name "*.ko.xz" -print0 | xargs -0 --no-run-if-empty --max-procs=2 --max-args=50 xz --decompress'
    )
    command.run(["sh", "-c", script, "sh", folder], log)
    command.run(["chroot", root, "depmod", release], log, append=True)


def _files(root: Path, sandbox_image: str) -> None:
    for source in sorted(FILES.rglob("*")):
        if not source.is_file():
            continue
        target = root / source.relative_to(FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # Debian's may be a link
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.suffix == ".sh" else 0o644)
    for path, file in shared_files(sandbox_image).items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text)
        target.chmod(int(file.mode, 8))


def _logins(root: Path) -> None:
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()  # every machine brings its own
    # A user manager for each SSH login took half a core of an emulated guest; mail and greetings help nobody here.
    session = root / "etc/pam.d/common-session"
    session.write_text(_without(session.read_text(), ("pam_systemd.so",)))
    daemon = root / "etc/pam.d/sshd"
    daemon.write_text(_without(daemon.read_text(), ("pam_motd.so", "pam_mail.so")))


def _without(text: str, modules: tuple[str, ...]) -> str:
    """PAM's text with the session lines of these modules commented out."""
    lines = []
    for line in text.splitlines():
        drop = line.lstrip().startswith(("session", "-session")) and any(module in line for module in modules)
        lines.append(f"# fjordkube: {line}" if drop else line)
    return "\n".join(lines) + "\n"


def _cni(root: Path, programs: Mapping[str, Path]) -> None:
    folder = root / "opt/cni/bin"
    folder.mkdir(parents=True, exist_ok=True)
    for plugin in (root / "usr/lib/cni").iterdir():
        (folder / plugin.name).unlink(missing_ok=True)
        shutil.copy2(plugin, folder / plugin.name)
    first: dict[str, Path] = {}
    for name, program in CNI_PROGRAMS.items():
        target = folder / name
        target.unlink(missing_ok=True)
        if program in first:
            target.hardlink_to(first[program])
        else:
            install(programs[program], target)
            first[program] = target
    (root / "etc/cni/net.d").mkdir(parents=True, exist_ok=True)


def _clean(root: Path) -> None:
    # the kernel is QEMU's to load, and the initramfs is ours
    for folder in ("boot", "var/cache/apt", "var/lib/apt/lists", "var/log/apt"):
        shutil.rmtree(root / folder, ignore_errors=True)
    (root / "boot").mkdir()
    # An empty machine-id is filled at first boot; the stamps keep systemd from its "first boot after an update" work.
    (root / "etc/machine-id").write_text("")
    for stamp in ("etc/.updated", "var/.updated"):
        (root / stamp).touch()
