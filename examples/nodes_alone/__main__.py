"""Machines alone, ordered by a vendor's command: for a cluster that something else makes of them."""

import pulumi

from fjordkube.nodes.login_key import LoginKey
from fjordkube.nodes.vendor_cli.machines import VendorMachines, VendorMachinesArgs
from fjordkube.settings.nodes.vendor_cli import VendorControlPlane, VendorNodes, VendorWorker
from fjordkube.settings.secrets import SSH_KEY

wanted = VendorNodes(
    command=["./vendor.sh"],  # docs/sources/vendor_cli.md has its contract
    zone="no-osl1",
    image="debian-13",
    control_plane_plan="nvme-4",
    worker_plan="nvme-2",
    control_planes=[VendorControlPlane(name="cp1")],
    workers=[VendorWorker(name="w1"), VendorWorker(name="w2")],
)
machines = VendorMachines(
    "nodes",
    VendorMachinesArgs(
        settings=wanted,
        stack=pulumi.get_stack(),
        ports={"ssh": 22, "api": 6443, "http": 80, "https": 443},
        command=wanted.command,
        login_key=LoginKey("key", SSH_KEY, "~/.ssh/id_ed25519"),
    ),
)
for node in machines.nodes:
    pulumi.export(node.name, {"address": node.address, "public": node.public_address, "zone": node.zone})
