"""Where nodes come from: one class per source, told apart by `source`.

Owns the union. Leaves each source and the names of its classes to its own file, what must hold between nodes to
`consistency/`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from fjordkube.settings.base import with_default_tag
from fjordkube.settings.nodes.existing import (
    Bastion,
    ExistingControlPlane,
    ExistingControlPlanePorts,
    ExistingNode,
    ExistingNodes,
    ExistingPorts,
    ExistingWorker,
    ExistingWorkerPorts,
    Ssh,
)
from fjordkube.settings.nodes.local import (
    ControlPlanePorts,
    LocalControlPlane,
    LocalNode,
    LocalNodes,
    LocalPool,
    LocalWorker,
    Ports,
    WorkerPorts,
)
from fjordkube.settings.nodes.node import AnyNodes, NodeSettings, PoolSettings, Role, WorkerSettings
from fjordkube.settings.nodes.openstack import OpenstackNodes
from fjordkube.settings.nodes.upcloud import UpcloudNodes
from fjordkube.settings.nodes.vendor_cli import VendorNodes

Nodes = Annotated[
    Annotated[LocalNodes | ExistingNodes | UpcloudNodes | OpenstackNodes | VendorNodes, Field(discriminator="source")],
    BeforeValidator(with_default_tag("source", "local")),
]
"""Node sources, told apart by `source`."""

__all__ = [
    "AnyNodes",
    "Bastion",
    "ControlPlanePorts",
    "ExistingControlPlane",
    "ExistingControlPlanePorts",
    "ExistingNode",
    "ExistingNodes",
    "ExistingPorts",
    "ExistingWorker",
    "ExistingWorkerPorts",
    "LocalControlPlane",
    "LocalNode",
    "LocalNodes",
    "LocalPool",
    "LocalWorker",
    "NodeSettings",
    "Nodes",
    "OpenstackNodes",
    "PoolSettings",
    "Ports",
    "Role",
    "Ssh",
    "UpcloudNodes",
    "VendorNodes",
    "WorkerPorts",
    "WorkerSettings",
]
