"""Who Calico's parts are to the API: service accounts and what each may do.

Owns accounts, roles and bindings. Leaves the programs that use them to `calico_node.py` and `calico_controllers.py`.
The rules grant what Calico v3.28 is granted by its release manifest for the Kubernetes datastore, and nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fjordkube.objects import Object
from fjordkube.objects.access import READ, cluster_access, rule

NAMESPACE = "kube-system"
NODE = "calico-node"
CNI_PLUGIN = "calico-cni-plugin"
CONTROLLERS = "calico-kube-controllers"

IPAM = ("blockaffinities", "ipamblocks", "ipamhandles")


def _crd(resources: Sequence[str], *verbs: str) -> dict[str, Any]:
    return rule("crd.projectcalico.org", resources, verbs)


NODE_RULES = [
    # calico-node mints and renews the token with which the CNI program on the node asks the API
    rule("", ["serviceaccounts/token"], ["create"], names=[CNI_PLUGIN]),
    rule("", ["configmaps"], ["get"]),
    rule("", ["pods", "nodes", "namespaces", "services", "endpoints"], READ),
    rule("", ["serviceaccounts"], ["list", "watch"]),
    # its own address, and that the network of the node is up
    rule("", ["nodes/status"], ["patch", "update"]),
    # the pod's address as an annotation, where the CNI program did not get to write it
    rule("", ["pods/status"], ["patch"]),
    rule("discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
    rule("networking.k8s.io", ["networkpolicies"], ["list", "watch"]),
    rule("apps", ["daemonsets"], ["get"]),
    _crd(
        [
            "bgpconfigurations",
            "bgpfilters",
            "bgppeers",
            "blockaffinities",
            "caliconodestatuses",
            "clusterinformations",
            "felixconfigurations",
            "globalbgpconfigs",
            "globalfelixconfigs",
            "globalnetworkpolicies",
            "globalnetworksets",
            "hostendpoints",
            "ipamblocks",
            "ippools",
            "ipreservations",
            "networkpolicies",
            "networksets",
        ],
        *READ,
    ),
    _crd(
        ["bgpconfigurations", "bgppeers", "clusterinformations", "felixconfigurations", "ippools"], "create", "update"
    ),
    _crd(["caliconodestatuses"], "update"),
    _crd(IPAM, "get", "list", "create", "update", "delete"),
    _crd(["ipamconfigs"], "get", "create"),
]

CNI_PLUGIN_RULES = [
    rule("", ["pods", "nodes", "namespaces"], ["get"]),
    rule("", ["pods/status"], ["patch"]),
    _crd(
        [*IPAM, "clusterinformations", "ipamconfigs", "ippools", "ipreservations"],
        *("get", "list", "create", "update", "delete"),
    ),
]

CONTROLLERS_RULES = [
    rule("", ["nodes", "pods"], READ),
    _crd(["ippools"], "list", "watch"),
    _crd(["ipreservations"], "list"),
    _crd(IPAM, "get", "list", "create", "update", "delete", "watch"),
    _crd(["hostendpoints"], "get", "list", "create", "update", "delete"),
    _crd(["clusterinformations", "kubecontrollersconfigurations"], "get", "list", "create", "update", "watch"),
]


def access() -> list[Object]:
    """All of Calico's accounts and rights."""
    return [
        *cluster_access(NODE, NAMESPACE, NODE_RULES),
        *cluster_access(CNI_PLUGIN, NAMESPACE, CNI_PLUGIN_RULES),
        *cluster_access(CONTROLLERS, NAMESPACE, CONTROLLERS_RULES),
    ]
