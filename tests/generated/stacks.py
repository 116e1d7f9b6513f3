"""Whole stack files from a seed: about half of them hold, and the others are wrong in one place or in many.

Owns what goes together: nodes with addresses in their network, ranges apart, what each source must be told. Leaves
single fields to `fields.py`. Reproducible: a seed is a file, on every machine.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import yaml

from fjordkube import versions
from fjordkube.settings import (
    BundleArtifacts,
    Calico,
    IngressNginx,
    Kubernetes,
    MirrorArtifacts,
    NginxConfig,
    UpstreamArtifacts,
    reading,
    types,
)
from fjordkube.settings.artifacts import AnyArtifacts
from fjordkube.settings.data import Data
from fjordkube.settings.nodes import ExistingNodes, LocalNodes, OpenstackNodes, UpcloudNodes, VendorNodes
from fjordkube.settings.nodes.node import AnyNodes
from fjordkube.settings.stack import Stack
from tests.generated import words
from tests.generated.fields import Walk
from tests.generated.mutation import mutated

SOURCES: Final[dict[str, type[AnyNodes]]] = {
    "local": LocalNodes,
    "existing": ExistingNodes,
    "upcloud": UpcloudNodes,
    "openstack": OpenstackNodes,
    "safespring": OpenstackNodes,
    "vendor_cli": VendorNodes,
}
ADMINS: Final = "203.0.113.0/24"
ID: Final = "00000000-0000-4000-8000-{:012d}"

# fmt: off
TIED: Final = frozenset(
    {
        "source", "cloud", "zone", "private_cidr", "control_planes", "workers", "pools", "network", "subnet",
        "image", "ssh", "region", "flavor", "plan", "port", "host", "user", "address", "name", "first_address",
        "public_network", "floating_ip_pool", "external_network", "octavia", "root_volume_gib", "root_volume_type",
        "etcd_volume_type", "etcd_volume_gib", "etcd_disk", "control_plane_flavor", "worker_flavor", "count",
        "control_plane_plan", "worker_plan", "memory_mib", "ports", "labels", "taints",
    }
)  # told by the base below, because they hold only together
# fmt: on
BASE: Final = ("nodes", "residency", "network", "kubernetes", "ingress", "data", "artifacts")
"""Sections that are told by the base, because their fields hold only together."""

RANGES: Final = (
    ("192.168.77.0/24", "10.96.0.0/12", "10.244.0.0/16"),
    ("10.1.0.0/22", "172.20.0.0/16", "10.128.0.0/10"),
    ("172.16.0.0/20", "192.168.0.0/28", "11.0.0.0/8"),
    ("10.68.0.0/20", "198.18.0.0/15", "100.64.0.0/13"),
)
"""Private network, Services and pods that do not overlap."""


def stack_file(seed: int) -> bytes:
    """The file of that seed."""
    chance = random.Random(seed)
    source = chance.choice([*SOURCES])
    text = yaml.dump({"config": {reading.KEY: settings(source, chance)}}, Dumper=_Dumper, sort_keys=False, width=1000)
    return mutated(text, chance) if chance.random() < 0.06 else text.encode()


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


def settings(source: str, chance: Random) -> dict[str, Any]:
    """What stands under fjordkube:stack."""
    wild = chance.random()
    # a third of the files have some bad leaves, a few of them almost nothing else
    walk = Walk(chance, 0.0 if wild < 0.67 else 0.5 if wild > 0.97 else 0.08)
    content = _base(source, walk)
    for section in Stack.model_fields:
        if (
            section not in ("nodes", "residency", "network", "kubernetes", "ingress", "data", "artifacts")
            and chance.random() < 0.5
        ):
            field = Stack.model_fields[section]
            content[section] = walk.value(field.annotation, words.flattened(field.metadata)) or {}
    if source != "local" and isinstance(content.get("firewall", {}), dict):
        content.setdefault("firewall", {}).setdefault("admin_cidrs", [])
        content["firewall"]["admin_cidrs"] = content["firewall"]["admin_cidrs"] or [ADMINS]
    if wild > 0.8:
        for _ in range(chance.choice([1, 1, 2, 4])):
            _spoil(content, chance)
    return content


# --- What holds together ---------------------------------------------------------------------------------------------


def _base(source: str, walk: Walk) -> dict[str, Any]:
    chance = walk.chance
    private, services, pods = chance.choice(RANGES)
    if source == "safespring":
        private = "10.68.0.0/20"
    nodes = walk.model(SOURCES[source], 0.25, TIED)
    nodes |= {"source": "openstack" if source == "safespring" else source, "private_cidr": private}
    nodes |= _told(source)
    nodes["control_planes"] = [
        _node(source, "cp", n, walk, private) for n in range(1, chance.choice([1, 1, 1, 3, 5]) + 1)
    ]
    nodes["workers"] = [_node(source, "w", n, walk, private) for n in range(1, chance.choice([1, 2, 2, 3, 4]) + 1)]
    # somewhere ingress and demo must be
    if isinstance(nodes["workers"][0], dict) and chance.random() < 0.95:
        nodes["workers"][0].pop("taints", None)
    if source not in ("existing", "safespring") and chance.random() < 0.3:
        pool = {"name": chance.choice(["web", "big-x", "x"]), "count": chance.choice([0, 1, 3, 20, 60])}
        start = private.split("/")[0].rpartition(".")[0]
        nodes["pools"] = [pool | {"first_address": f"{start}.130"} | _labels(walk)]
    content: dict[str, Any] = {"nodes": nodes}
    network = walk.model(Calico, 0.2, frozenset({"vxlan_mode", "ipip_mode", "pod_cidr"}))
    kubernetes = walk.model(Kubernetes, 0.3, frozenset({"service_cidr"}))
    content["network"] = network | {"pod_cidr": pods} | ({"encapsulation": "vxlan"} if source == "safespring" else {})
    content["kubernetes"] = kubernetes | {"service_cidr": services}
    if network.get("node_mesh") is False and chance.random() < 0.9:
        network["node_mesh"] = content["network"]["node_mesh"] = True
    content["ingress"] = _ingress(walk)
    if chance.random() < 0.3:
        content["data"] = walk.model(Data, 0.5)
    # machines of this computer carry theirs
    if chance.random() < (0.02 if source == "local" else 0.5):
        content["artifacts"] = _artifacts(walk)
    built = source == "local" or content.get("artifacts", {}).get("origin") == "built"
    for section in versions.BUILT if built and chance.random() < 0.95 else ():
        if isinstance(content.get(section), dict):
            content[section].pop("version", None)
    return content


def _artifacts(walk: Walk) -> dict[str, Any]:
    kinds: list[type[AnyArtifacts]] = [UpstreamArtifacts, MirrorArtifacts, BundleArtifacts]
    kind = walk.chance.choice(kinds)
    made = walk.model(kind, 0.3, frozenset({"source"})) | {"source": kind.model_fields["source"].default}
    # upstream publishes nothing of what is built here
    if made.get("origin") == "built" and kind is UpstreamArtifacts and walk.chance.random() < 0.95:
        made["install"] = False
    return made


def _told(source: str) -> dict[str, Any]:
    match source:
        case "existing":
            return {"zone": "no-osl1", "ssh": {"user": "debian", "sudo": True}}
        case "upcloud":
            return {"zone": "no-svg1"}
        case "vendor_cli":
            plans = {"control_plane_plan": "nvme-4", "worker_plan": "nvme-2"}
            return {"zone": "no-osl1", "command": ["adapter"], "image": "debian-13", **plans}
        case "safespring":
            shared = {"network": ID.format(1), "zone": "osl2", "cloud": "safespring"}
            return {**shared, "image": ID.format(2), "control_plane_flavor": "l2.c4", "worker_flavor": "l2.c4"}
        case "openstack":
            way = {"network": "create", "floating_ip_pool": "public", "external_network": ID.format(3)}
            flavors = {"control_plane_flavor": "m1.large", "worker_flavor": "m1.large"}
            return {"cloud": "other", "zone": "no-osl1", "image": ID.format(2), **way, **flavors}
    return {}


def _node(source: str, prefix: str, number: int, walk: Walk, private: str) -> Any:
    chance, plane = walk.chance, prefix == "cp"
    listed = SOURCES[source].model_fields["control_planes" if plane else "workers"].annotation
    model = listed.__args__[0].__origin__  # type: ignore[union-attr]
    name = chance.choice([prefix, f"{prefix}-", f"{'x' * 40}-{prefix}"]) + str(number)
    made = walk.model(model, 0.2, TIED) | {"name": name}
    if not plane:
        made |= _labels(walk)
    if source == "existing" and plane:
        made["etcd_disk"] = chance.choice(["LABEL=etcd", "/dev/vdb", "root"])
    if source == "safespring":
        address = private.split("/")[0].rpartition(".")[0] + f".{(10 if plane else 100) + number}"
        made |= {"port": ID.format((100 if plane else 200) + number), "address": address}
    if source == "local" and chance.random() < 0.2:
        made["memory_mib"] = chance.choice([4096, 8192, 1048576])
    return name if list(made) == ["name"] else made


def _labels(walk: Walk) -> dict[str, Any]:
    share = walk.chance.random()
    if share < 0.6:
        return {}
    labels = walk.value(dict[types.LabelKey, types.LabelValue], [])
    taints = walk.value(list[types.Taint], []) if share > 0.8 else []
    if not isinstance(taints, list):
        return {"labels": labels, "taints": taints}
    # of a key and an effect, one
    kept = {str(taint).partition("=")[0].partition(":")[0] + str(taint).rpartition(":")[2]: taint for taint in taints}
    return {"labels": labels, "taints": list(kept.values())}


def _ingress(walk: Walk) -> dict[str, Any]:
    chance = walk.chance
    found = walk.model(IngressNginx, 0.3, frozenset({"image", "digest", "config"}))
    if chance.random() < 0.3:
        found["image"] = walk.value(types.Image, [])
        if chance.random() < 0.95:
            found.pop("version", None)
    if chance.random() < 0.6:
        found["config"] = walk.model(NginxConfig, chance.choice([0.03, 0.1, 0.3]))
        files, connections = found["config"].get("max-worker-open-files"), found["config"].get("max-worker-connections")
        if files and type(files) is int and type(connections or 10240) is int and files < (connections or 10240):
            found["config"]["max-worker-connections"] = 1024
    return found


# --- What does not ---------------------------------------------------------------------------------------------------


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with one of its keys, in the order of the file."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _spoil(content: dict[str, Any], chance: Random) -> None:
    """Changes one place, whatever belongs there."""
    places = list(_places(content))
    if not places:
        return
    container, key = chance.choice(places)
    other, far = chance.choice(places)
    match chance.choice(["hostile", "hostile", "gone", "unknown", "twice", "swap", "copy", "many"]):
        case "gone":
            del container[key]
        case "unknown" if isinstance(container, dict):
            container[f"{key}{chance.choice(['s', '_', '-x'])}"] = container[key]
        case "twice" if isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        case "many" if isinstance(container, list):
            container += [chance.choice(words.HOSTILE) for _ in range(chance.choice([10, 60]))]
        case "swap" | "copy":
            # what is right in one place stands in another
            container[key] = copy.deepcopy(other[far])
        case _:
            container[key] = copy.deepcopy(chance.choice(words.HOSTILE))
