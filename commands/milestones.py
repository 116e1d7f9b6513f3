"""Resources as people speak of them: what it means that one of them is done. Pure.

Owns the words. A resource whose name ends in none of these shows by its name; Kubernetes objects are counted instead.
"""

from __future__ import annotations

WORDS = (
    # the longest suffix first
    ("-host-artifacts", "{who}: has its software"),
    ("-host-prepared", "{who}: prepared as a Kubernetes host"),
    ("-joined", "{who}: member of the cluster"),
    ("-member", "{who}: member of the cluster, its API answers"),
    ("-api", "the API answers"),
    ("-joinable", "nodes can join"),
    ("-addons", "kube-proxy and CoreDNS handed over"),
    ("-certificate", "certificate of the admission webhook made"),
    ("-survey", "every host asked what it is: none stands in the way"),
    ("-host-release", "{who}: noted how it is given back"),
    ("-power", "{who}: machine runs, SSH answers"),
    ("-host-disk", "{who}: etcd's disk measured"),
    ("-disk", "{who}: disks and keys made"),
)


def words(name: str) -> str:
    """A line for a resource that was made or changed, e.g. nodes-w1-power -> w1: machine runs, SSH answers."""
    if "-gates-" in name:
        return f"gate {name.rpartition('-gates-')[2]}: passed"
    for suffix, text in WORDS:
        if name.endswith(suffix):
            return text.format(who=name.removesuffix(suffix).partition("-")[2])
    return name


def gone(name: str) -> str:
    """The same for one that was deleted."""
    if name.endswith("-host-release"):
        return f"{name.removesuffix('-host-release').partition('-')[2]}: reset and given back"
    if name.endswith("-power"):
        return f"{name.removesuffix('-power').partition('-')[2]}: powered off"
    if name.endswith("-disk") and not name.endswith("-host-disk"):
        return f"{name.removesuffix('-disk').partition('-')[2]}: disks deleted"
    return f"{name}: deleted"
