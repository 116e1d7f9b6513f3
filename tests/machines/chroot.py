"""A host that somebody else made, as a tree of its release: bash, apt, systemd's tools, nft and all else are its own.

Owns the host's namespaces (mounts, network, processes, name), its kernel's files, and which programs are pretended.
Leaves trees to `offline/`, and what runs on the host to whoever asks. The tree in the cache is never written, and
nothing of this machine is: with the process that holds the namespaces everything is gone, mounts too.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fjordkube.host.sysctls import SYSCTLS
from offline import debian, manifest

RELEASES = ("debian-12", "debian-13", "debian-testing")
"""As hosts name themselves (scripts/artifacts.sh): trees of the manifest."""

PRETENDED: Mapping[str, str] = {
    "systemctl": "systemd is not PID 1: what runs is kept in files; the release's own answers for units' files",
    "modprobe": "this kernel is not the release's: its own modprobe looks among its own kernel's modules, loads none",
    "swapoff": "the kernel's list of swap areas is this machine's: a file stands for it",
}
"""Programs that need the kernel or PID 1, with the reason; their texts are in pretended/. /proc/sys and /sys/module are
folders for the same reason. Everything else is the release's own."""

TEXTS = Path(__file__).with_name("pretended")

ADDRESS, INTERFACE = "192.168.77.101", "eth1"

CLIENT = "10.0.2.2 50000 10.0.2.15 22"
"""SSH_CONNECTION of whoever enters."""

PATH = "/pretended:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""sshd's for root, after what is pretended."""

START = f"""
set -e
tree=$1 place=$2 root=$2/root
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$place/upper,workdir=$place/work" "$root"
# not on overlayfs, since containerd's snapshots are one
mount --bind "$place/lib" "$root/var/lib"
mount -t proc proc "$root/proc"
mount --bind "$place/sys" "$root/proc/sys"
mount --bind "$place/swaps" "$root/proc/swaps"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 -o ro cgroup2 "$root/sys/fs/cgroup"
mount --bind "$place/module" "$root/sys/module"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do cp -a "/dev/$name" "$root/dev/$name"; done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/run/pretended" "$root/run/lock"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
touch "$root/run/pretended/read" "$root/run/pretended/calls"
hostname w1
ip link set lo up
ip link add {INTERFACE} type veth peer name far
ip address add {ADDRESS}/24 dev {INTERFACE}
ip link set {INTERFACE} up
echo ready
# bash takes in what is left behind, as PID 1 must; the pipe ends with the test
read -r _ || true
"""

KERNEL: Mapping[str, str] = {
    "kernel/hostname": "w1",
    "kernel/random/boot_id": "8f0c4d4e-1f6b-4b8e-9d3e-000000000001",
    "kernel/cap_last_cap": "40",
    "kernel/ngroups_max": "65536",
    "net/netfilter/nf_conntrack_max": "65536",
    "net/netfilter/nf_conntrack_buckets": "16384",
    "net/ipv4/ip_local_port_range": "32768\t60999",
    "net/ipv4/ip_local_reserved_ports": "",
}
"""Files of /proc/sys, as a small host's kernel has them; keys that host preparation sets are 0 but for these."""


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Chroot:
    """A running host."""

    release: str
    place: Path
    """Folder of what is written: `upper` (beside /var/lib), `lib` (/var/lib), `sys` (/proc/sys)."""
    process: int
    """PID 1 of the host, as this machine sees it."""

    @property
    def tree(self) -> Path:
        return debian.tree_path(manifest.load().tree(self.release))

    @property
    def command(self) -> list[str]:
        """As the words for ssh: what comes on stdin is for the bash that root's login shell starts."""
        return self.words("sh", "-c", "exec bash -s")

    def words(self, *words: str) -> list[str]:
        """The command line that runs `words` on the host, as root who came by SSH."""
        enter = ["nsenter", "--target", str(self.process), "--mount", "--net", "--pid", "--uts", "--ipc"]
        login = {"HOME": "/root", "USER": "root", "SHELL": "/bin/bash", "SSH_CONNECTION": CLIENT, "PATH": PATH}
        return [
            *enter,
            "chroot",
            str(self.place / "root"),
            "env",
            "-i",
            *(f"{k}={v}" for k, v in login.items()),
            *words,
        ]

    def run(self, *words: str, text: str = "", limit: float = 300) -> Done:
        done = subprocess.run(
            self.words(*words), input=text, capture_output=True, text=True, timeout=limit, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ask(self, text: str) -> str:
        """What a line of bash prints there."""
        done = self.run("bash", "-c", text)
        assert done.code == 0, done
        return done.out

    @property
    def inside(self) -> Path:
        """Its root, seen from here."""
        return Path(f"/proc/{self.process}/root{self.place}/root")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self.run(
            "bash", "-c", f'mkdir -p "{path.rpartition("/")[0]}"; cat >"{path}"; chmod {mode:o} "{path}"', text=text
        )

    def read(self, path: str) -> str:
        return self.ask(f"cat {path}")

    def state(self) -> dict[str, tuple[int, int, int]]:
        """Every file that is not the tree's: mode, size and when it was written. Not: /run, /tmp, logs."""
        found = {}
        for top, below in (
            (self.place / "upper", "/"),
            (self.place / "lib", "/var/lib/"),
            (self.place / "sys", "/sys/"),
        ):
            for file in top.rglob("*"):
                name = below + str(file.relative_to(top))
                if name.startswith(("/tmp/", "/var/log/", "/var/lib/containerd/", "/pretended/")):
                    continue
                facts = file.lstat()
                if not stat.S_ISDIR(facts.st_mode):
                    found[name] = (facts.st_mode, facts.st_size, facts.st_mtime_ns)
        return found

    def differences(self) -> dict[str, tuple[int, bytes] | None]:
        """What is not as it is in the tree: mode and content of files, mode of folders; None: gone."""
        found: dict[str, tuple[int, bytes] | None] = {}
        lib = self.place / "lib"
        for top, below in ((self.place / "upper", Path()), (lib, Path("var/lib"))):
            for file in top.rglob("*"):
                name = below / file.relative_to(top)
                # a character device of nothing is how overlayfs says that a file is gone
                content = None if stat.S_ISCHR(file.lstat().st_mode) else _content(file)
                if content != _content(self.tree / name):
                    found[f"/{name}"] = content
        for file in (self.tree / "var/lib").rglob("*"):
            name = file.relative_to(self.tree / "var/lib")
            if _content(lib / name) is None:
                found[f"/var/lib/{name}"] = None
        return {name: content for name, content in found.items() if not name.startswith(("/pretended", "/tmp"))}


def _content(file: Path) -> tuple[int, bytes] | None:
    try:
        mode = file.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(mode):
        return mode, str(file.readlink()).encode()
    return mode, file.read_bytes() if stat.S_ISREG(mode) else b""


@contextmanager
def running(place: Path, release: str) -> Iterator[Chroot]:
    """A fresh host of that release; with the block it is gone."""
    tree = debian.tree_path(manifest.load().tree(release))
    for name in ("upper/pretended", "work", "root", "sys", "module"):
        (place / name).mkdir(parents=True)
    shutil.copytree(tree / "var/lib", place / "lib", symlinks=True)
    _kernel(place)
    for name in PRETENDED:
        shutil.copy(TEXTS / f"{name}.sh", place / "upper/pretended" / name)
    namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
    words = ["unshare", *namespaces, "bash", "-c", START, "host", str(tree), str(place)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == "ready\n", "the host did not start"
            (child,) = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
            yield Chroot(release, place, int(child))
        finally:
            holder.stdin.close()
            holder.wait(30)


def _kernel(place: Path) -> None:
    """/proc/sys, /sys/module and /proc/swaps; keys of modules come with their modules."""
    own = {name: Path("/proc/sys", name).read_text() for name in ("kernel/osrelease", "kernel/ostype", "fs/nr_open")}
    values = {item.key.replace(".", "/"): "0" for item in SYSCTLS} | dict(KERNEL) | own
    modules = {"br_netfilter": "net/bridge", "nf_conntrack": "net/netfilter"}
    for name, text in values.items():
        module = next((module for module, folder in modules.items() if name.startswith(folder)), None)
        file = (place / "upper/pretended/keys" / module if module else place / "sys") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if text.endswith("\n") else text + "\n")
    (place / "swaps").write_text("Filename Type Size Used Priority\n")
