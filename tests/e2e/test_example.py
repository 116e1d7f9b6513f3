"""The example `calico_and_ingress` on a cluster that lacks both: one of ours, stripped of them.

Not part of `make test`: examples/README.md says what was seen of it.
"""

from __future__ import annotations

from pathlib import Path

from tests.e2e import cluster, example
from tests.e2e.test_cluster import HOST, NODES, UP_SECONDS, kubeconfig_of, settings_of
from tests.engine.command import Commands


def test_a_cluster_is_there(commands: Commands) -> None:
    done = commands.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text


def test_an_example_brings_pod_network_and_front_door_to_a_cluster_without(commands: Commands, tmp_path: Path) -> None:
    settings, kubeconfig = settings_of(commands), kubeconfig_of(commands)
    private, api = settings.nodes.private_cidr, settings.nodes.addresses["cp1"]
    example.strip(kubeconfig, settings, api, private)
    for node in NODES:
        cluster.shell(commands, node, "rm -f /etc/cni/net.d/*")
    print(example.bring_up(tmp_path, kubeconfig.read_text(), api, private), flush=True)
    example.restore(kubeconfig)
    for node in ("w1", "w2"):
        status, text = cluster.get(cluster.record(commands, node)["ports"]["http"], HOST)
        assert (status, "pod: demo-" in text) == (200, True)
    # a control plane without a pod of the pod network announces nothing
    for node, other in (("w1", "102"), ("w2", "101"), ("cp1", "101"), ("cp1", "102")):
        assert f"via 192.168.77.{other} dev eth1" in cluster.shell(commands, node, "ip -4 route show proto bird")
