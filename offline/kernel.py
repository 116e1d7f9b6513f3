"""The guest's kernel and an initramfs of our own: a program that mounts the root disk, and the few drivers it needs.

Owns what is in the initramfs. Leaves the kernel's build to Debian and the init program to guest/init.c. Debian's own
initramfs is for any machine and takes ten seconds more at each emulated boot.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline import command, debian, keys, programs
from offline.manifest import Manifest
from offline.step import Step

STEP = "guest-kernel"

DRIVERS = ("virtio_pci", "virtio_blk", "virtio_net", "ext4")
"""Disk, network (there before udev, so that the network unit needs no wait) and the root's file system."""


@dataclass(frozen=True)
class Kernel:
    """The folder that the step makes."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def release(self) -> str:
        """As `uname -r` says."""
        return (self.folder / "release").read_text().strip()


NODE = "node"
"""The tree of local machines."""


def find(manifest: Manifest, tree_name: str = NODE) -> Kernel:
    """The kernel of a Debian tree, made or not."""
    tree = debian.tree_path(manifest.tree(tree_name))
    init = _init(manifest)
    return Kernel(
        cache_root() / "kernels" / keys.of("kernel", keys.place(tree), keys.place(init), DRIVERS, Path(__file__))
    )


def steps(manifest: Manifest) -> Iterator[Step]:
    """That of local machines' kernel."""
    yield step(manifest, STEP, NODE)


def step(manifest: Manifest, name: str, tree: str) -> Step:
    """The step `name` that makes the kernel of a tree."""
    return Step(
        name,
        f"kernel and initramfs of {tree}",
        find(manifest, tree).folder,
        lambda target: build(debian.tree_path(manifest.tree(tree)), _init(manifest), target),
        2,
        lane="assemble",
        needs=(debian.tree_name(tree), "init"),
    )


def release_of(tree: Path) -> str:
    """The one kernel release in a Debian tree. FjordkubeError when there is not exactly one."""
    found = sorted(entry.name for entry in (tree / "usr/lib/modules").iterdir())
    if len(found) != 1:
        raise FjordkubeError(f"{tree}: holds the kernels {', '.join(found) or 'none'}; exactly one is needed")
    return found[0]


def build(tree: Path, init: Path, target: Path) -> None:
    """Writes kernel, initramfs and release into the folder `target`."""
    release = release_of(tree)
    target.mkdir(parents=True)
    shutil.copyfile(tree / "boot" / f"vmlinuz-{release}", target / "vmlinuz")
    (target / "release").write_text(release + "\n")
    modules = tree / "usr/lib/modules" / release
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for place in ("dev", "proc", "sys", "root"):
            (folder / place).mkdir()
        os.mknod(folder / "dev/console", 0o600 | 0o020000, os.makedev(5, 1))
        shutil.copy2(init, folder / "init")
        paths = needed(modules, DRIVERS)
        for path in paths:
            _plain(modules / path, folder / _module_name(path))
        (folder / "modules").write_text("".join(f"/{_module_name(path)}\n" for path in paths))
        script = 'cd "$1" && find . -print0 | sort -z | cpio --null --create --format=newc --quiet >"$2"'
        command.run(["sh", "-c", script, "sh", folder, target / "initrd"], programs.log_file(STEP))


def needed(modules: Path, names: Iterable[str]) -> list[str]:
    """Module files (relative to `modules`) to load for `names`, dependencies first; what is built in needs none."""
    depends = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        depends[path] = rest.split()
    by_name = {_module_name(path).removesuffix(".ko"): path for path in depends}
    built_in = {_module_name(line).removesuffix(".ko") for line in (modules / "modules.builtin").read_text().split()}
    wanted: list[str] = []
    for name in names:
        if name in built_in:
            continue
        if name not in by_name:
            raise FjordkubeError(f"{modules}: has no module {name}, and it is not built in")
        # modules.dep lists what is needed last first
        wanted += [*reversed(depends[by_name[name]]), by_name[name]]
    return list(dict.fromkeys(wanted))


def _module_name(path: str) -> str:
    name = Path(path).name.replace("-", "_")
    return name.removesuffix(".xz").removesuffix(".zst").removesuffix(".gz")


def _plain(source: Path, target: Path) -> None:
    """The module uncompressed: decompressing is a processor's work, dear where that is a program."""
    if source.suffix == ".xz":
        with target.open("wb") as out:
            out.write(command.bytes_of(["xz", "--decompress", "--stdout", source]))
    else:
        shutil.copyfile(source, target)


def _init(manifest: Manifest) -> Path:
    return next(step.result for step in programs.steps(manifest) if step.name == "init")
