"""The stack's machines as Pulumi resources: for each one its disks and its power, both run on this computer.

Owns the resources and the `Node` that each becomes. Leaves acting to `helpers/local_vm/`, and deciding what is
asked to `plan`. Machines depend on nothing but themselves, so all are made and started at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pulumi
from pulumi_command import local

from fjordkube import remote
from fjordkube.errors import MachineError
from fjordkube.helpers import launcher
from fjordkube.helpers.local_vm import keys
from fjordkube.helpers.local_vm.spec import GUEST_PORTS, to_environment
from fjordkube.node import Node
from fjordkube.nodes.local import plan
from fjordkube.settings.consistency.ranges import GUEST_NETWORK

if TYPE_CHECKING:
    from fjordkube.settings import LocalNodes


@dataclass(frozen=True)
class LocalMachinesArgs:
    """What all machines of a stack are made from."""

    settings: LocalNodes
    image: str
    """Digest of kernel and disk image; known before they are built."""
    stack: str
    """Name that keeps the machines of several stacks of one home apart."""
    emulated: bool
    """True: no KVM (see accelerator.choose)."""
    guest_ports: Mapping[str, int] = field(default_factory=lambda: GUEST_PORTS)
    """Port inside a machine by use: ssh, api, and the ingress's http and https."""


class LocalMachines(pulumi.ComponentResource):
    """All machines of a stack; `nodes` is what the rest of the program needs."""

    nodes: list[Node]

    def __init__(self, name: str, args: LocalMachinesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:nodes:LocalMachines", name, None, opts)
        planned = plan.machines(args.settings, args.stack, args.emulated, args.guest_ports)
        machines = [
            LocalMachine(f"{name}-{machine.name}", LocalMachineArgs(machine, args), pulumi.ResourceOptions(parent=self))
            for machine in planned
        ]
        self.nodes = [machine.node for machine in machines]
        self.register_outputs({"addresses": {node.name: node.address for node in self.nodes}})


@dataclass(frozen=True)
class LocalMachineArgs:
    """One machine, and what it shares with the others."""

    machine: plan.Machine
    shared: LocalMachinesArgs


class LocalMachine(pulumi.ComponentResource):
    """One machine: `<name>-disk` outlives every restart, `<name>-power` is the process that runs."""

    ports: pulumi.Output[Mapping[str, int]]
    """Port on 127.0.0.1 by use."""
    host_key: pulumi.Output[str]
    """Public line of its SSH host key."""
    up: pulumi.Output[str]
    """See Node.up."""
    node: Node

    def __init__(self, name: str, args: LocalMachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:nodes:LocalMachine", name, None, opts)
        machine, shared = args.machine, args.shared
        found = plan.find(machine)

        # Disks, keys and ports; made anew, after its old ones are gone, when something changes that they cannot follow.
        disk_spec = plan.disk_spec(machine, shared.settings, shared.image, shared.emulated, found)
        anew = plan.replaced_with(disk_spec)
        disk = self._command(f"{name}-disk", "disk", to_environment(disk_spec), anew)
        facts = disk.stdout.apply(_facts)
        self.ports = facts.apply(lambda entry: dict(entry["ports"]))
        self.host_key = facts.apply(lambda entry: str(entry["host_key"]))

        # The process; started again when it is down (boot) or when what it runs with changes (memory, vCPUs).
        power_spec = plan.power_spec(machine, shared.emulated, found)
        power = self._command(f"{name}-power", "power", to_environment(power_spec), anew, [disk])
        self.up = power.stdout

        client_key = keys.client(machine.files.directory.parent)
        self.node = Node(
            name=machine.name,
            role=machine.role,
            address=machine.address,
            prefix_length=disk_spec.prefix_length,
            interface=plan.INTERFACE,
            public_address="127.0.0.1",
            ports=self.ports,
            connection=remote.connection(
                host="127.0.0.1",
                port=self.ports.apply(lambda ports: ports["ssh"]),
                private_key=pulumi.Output.secret(facts.apply(lambda _: _private_key(client_key))),
                host_key=self.host_key,
            ),
            up=self.up,
            identity=" ".join(anew),
            machine=disk,
            labels=machine.labels,
            taints=machine.taints,
            carries_software=True,
            etcd_device="LABEL=etcd" if machine.etcd_disk_gib else None,
            # who runs the machine reaches it as an address of QEMU's user network, whatever his own is
            admin_networks=[str(GUEST_NETWORK)],
        )
        self.register_outputs({"ports": self.ports, "host_key": self.host_key, "up": self.up})

    def _command(
        self,
        name: str,
        noun: Literal["disk", "power"],
        environment: Mapping[str, str],
        anew: list[str],
        after: list[pulumi.Resource] | None = None,
    ) -> local.Command:
        run = launcher.command(f"local-{noun}")
        return local.Command(
            name,
            create=run,
            update=run,
            delete=launcher.command(f"local-{noun}-delete"),
            environment=environment,
            triggers=list[Any](anew),
            logging=local.Logging.STDERR,
            add_previous_output_in_env=False,
            # The new machine has the old one's folder, ports and address.
            opts=pulumi.ResourceOptions(
                parent=self,
                delete_before_replace=True,
                depends_on=after,
                # A machine whose disks go is not shut down first: the disks' own deletion ends its process.
                deleted_with=after[0] if after else None,
            ),
        )


def _facts(stdout: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(stdout)
    return facts


def _private_key(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise MachineError(
            f"{path}: gone, although the stack's state knows its machines; run make down, then make up"
        ) from None
