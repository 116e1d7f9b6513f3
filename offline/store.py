"""Images imported into a file tree's containerd store, by the tree's own containerd, on this machine.

Owns the namespaces around guest/import-images.sh: what it mounts and starts ends with it. Leaves the archives to
`recipes.py`. Inside a guest the same import would unpack a gigabyte on an emulated processor.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from offline import command
from offline.manifest import FOLDER

SCRIPT = FOLDER / "guest" / "import-images.sh"


def fill(root: Path, archives: Sequence[Path], sandbox_image: str, log: Path) -> None:
    """Imports the archives into the tree at `root`; `sandbox_image` is pinned against the kubelet's collection."""
    store = root / "var/lib/containerd"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True, mode=0o711)
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        for archive in archives:
            os.link(archive, Path(folder) / archive.name)
        # a process namespace of its own: whatever is left running ends with the script
        command.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
            + ["sh", SCRIPT, root, folder, sandbox_image],
            log,
        )
