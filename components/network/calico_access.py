"""Who Calico's parts are to the API: service accounts and what each may do.

Owns accounts, roles and bindings. Leaves the programs that use them to `calico_node.py` and `calico_controllers.py`.
The rules grant what each line of Calico is granted by its release manifest for the Kubernetes datastore, less what
serves parts that do not run here: its load balancer (Services, namespaces), the API group projectcalico.org, whose
definitions are not installed, and the migration to it, which deletes definitions and makes API services.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fjordkube.objects import Object
from fjordkube.objects.access import READ, cluster_access, rule
from fjordkube.versions import Version, parse

NAMESPACE = "kube-system"
NODE = "calico-node"
CNI_PLUGIN = "calico-cni-plugin"
CONTROLLERS = "calico-kube-controllers"

_WATCH = ("list", "watch")
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


RULES: Final = {NODE: NODE_RULES, CNI_PLUGIN: CNI_PLUGIN_RULES, CONTROLLERS: CONTROLLERS_RULES}
"""Of v3.28, and of every later one too."""

STAGED = ("stagedglobalnetworkpolicies", "stagedkubernetesnetworkpolicies", "stagednetworkpolicies")
_ALL = (*READ, "create", "update", "delete")

_TIERS = {
    NODE: [
        _crd(["tiers", *STAGED], *READ),
        _crd(["tiers"], "create"),
    ],
    CONTROLLERS: [
        _crd(["ipamconfigs", "tiers"], *_ALL),
        _crd(["hostendpoints"], "watch"),
    ],
}

ADDED: Final[dict[Version, dict[str, list[dict[str, Any]]]]] = {
    (3, 31, 0): {
        **_TIERS,
        NODE: [
            *_TIERS[NODE],
            rule("policy.networking.k8s.io", ["adminnetworkpolicies", "baselineadminnetworkpolicies"], _WATCH),
        ],
    },
    (3, 32, 0): {
        NODE: [
            *_TIERS[NODE],
            rule("policy.networking.k8s.io", ["clusternetworkpolicies"], _WATCH),
            _crd(["ipamconfigurations"], "get", "create"),
            rule("kubevirt.io", ["virtualmachineinstancemigrations"], READ),
        ],
        CNI_PLUGIN: [
            _crd(["ipamconfigurations"], "get", "list", "create", "update", "delete"),
            rule("kubevirt.io", ["virtualmachines", "virtualmachineinstances"], ["get"]),
        ],
        CONTROLLERS: [
            *_TIERS[CONTROLLERS],
            _crd(["ipamconfigurations"], *_ALL),
            _crd(["kubecontrollersconfigurations/status"], "get", "update"),
            # it gives policies the names that this version stores them under
            _crd(
                ["globalnetworkpolicies", "networkpolicies", "stagedglobalnetworkpolicies", "stagednetworkpolicies"],
                *_ALL,
            ),
            # whether the migration's own definition is there
            rule("apiextensions.k8s.io", ["customresourcedefinitions"], READ),
            rule("kubevirt.io", ["virtualmachines", "virtualmachineinstances"], READ),
        ],
    },
}
"""What comes on top, by the first version of a line; the newest that a version has reached counts."""


def access(version: str) -> list[Object]:
    """All of Calico's accounts and rights in that version, e.g. v3.28.5."""
    reached = [added for since, added in ADDED.items() if since <= parse(version)]
    added = reached[-1] if reached else {}
    return [
        body
        for account, rules in RULES.items()
        for body in cluster_access(account, NAMESPACE, [*rules, *added.get(account, [])])
    ]
