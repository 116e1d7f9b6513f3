"""Machines that exist already, as source `existing` takes them: plain ones of the tests' own, which no stack has made.

Owns their image, their life and the part of the stack file that every such stack has. Leaves making them to
tests/machines, and what a test has besides to the test.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fjordkube.helpers.local_vm import image
from fjordkube.nodes.local import accelerator
from offline import manifest, vendor_image
from tests.machines import machines
from tests.machines.machines import Made, Wanted


def image_of(release: str) -> image.VmImage:
    """What a vendor hands over of a release, e.g. debian-13."""
    return image.find(vendor_image.digest(manifest.load(), release))


@contextmanager
def home(name: str, release: str, wanted: Sequence[Wanted]) -> Iterator[Path]:
    """A folder for the stack, and in `machines` for its machines. All are gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix=f"fjordkube-{name}-", dir="/var/tmp"))
    try:
        yield made
    finally:
        for each in wanted:
            machines.delete(made / "machines", image_of(release), each)
        shutil.rmtree(made)


def make(home: Path, release: str, wanted: Sequence[Wanted]) -> dict[str, Made]:
    """The machines, as their vendor hands them over, by name."""
    return {each.name: machines.make(home / "machines", image_of(release), each) for each in wanted}


def known(made: Made) -> str:
    """The machine's line of known_hosts."""
    return f"[127.0.0.1]:{made.ports['ssh']} {made.host_key}"


def stack(
    name: str, home: Path, release: str, made: Mapping[str, Made], workers: Sequence[str], **ssh: Any
) -> dict[str, Any]:
    """The stack file: what somebody with such VPS writes, but for forwarded ports and the timing of emulation.

    `ssh`: how they are entered besides. The control plane is cp1.
    """
    emulated = accelerator.choose("auto", image_of(release)) == "tcg"

    def host(name: str, *uses: str) -> dict[str, Any]:
        ports = made[name].ports
        return {"name": name, "host": "127.0.0.1", "port": ports["ssh"], "ports": {use: ports[use] for use in uses}}

    return {
        "cluster": {"name": name, "timing": "emulated" if emulated else "native"},
        "nodes": {
            "source": "existing",
            "private_cidr": "192.168.77.0/24",
            "zone": "no-osl1",
            "ssh": {
                **ssh,
                "key_file": str(machines.client_key(home / "machines")),
                "known_hosts": str(home / "known_hosts"),
            },
            "control_planes": [{**host("cp1", "api"), "etcd_disk": "LABEL=etcd"}],
            "workers": [host(each, "http", "https") for each in workers],
        },
        # QEMU's user network is where this computer comes from
        "firewall": {"admin_cidrs": ["10.0.2.0/24"]},
        # an emulated disk proves nothing, and nobody but the source local knows that machines are emulated
        "gates": {"disk": {"enforce": "never" if emulated else "auto"}},
    }
