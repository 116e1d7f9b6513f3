"""What Calico's settings become."""

from __future__ import annotations

import itertools
import json
import re
from copy import deepcopy
from typing import Any

import pytest

from fjordkube.network.calico import objects
from fjordkube.network.calico_configuration import bgp, conflist, felix, pool
from fjordkube.objects import Object
from fjordkube.settings import Calico
from fjordkube.versions import CALICO

IMAGES = {key: key for key in ("calico-node", "calico-cni", "calico-kube-controllers")}


def rendered(timing: Any = "native", **settings: Any) -> list[Object]:
    return objects(Calico(**settings), IMAGES, "192.168.77.0/24", "192.168.77.11", 6443, timing)


def node(found: list[Object]) -> dict[str, Any]:
    (body,) = (entry for entry in found if entry["kind"] == "DaemonSet")
    pod: dict[str, Any] = body["spec"]["template"]["spec"]
    return pod


def test_no_encapsulation_by_default_in_pool_and_felix() -> None:
    spec = pool(Calico())["spec"]
    assert (spec["ipipMode"], spec["vxlanMode"]) == ("Never", "Never")
    told = felix(Calico())["spec"]
    assert (told["ipipEnabled"], told["vxlanEnabled"], told["wireguardEnabled"]) == (False, False, False)


def test_the_fallback_encapsulates_between_subnets_only() -> None:
    settings = Calico(encapsulation="vxlan-cross-subnet")
    assert pool(settings)["spec"]["vxlanMode"] == "CrossSubnet"
    assert pool(settings)["spec"]["ipipMode"] == "Never"
    assert "vxlanEnabled" not in felix(settings)["spec"]


def test_where_each_machine_is_routed_by_itself_every_packet_is_wrapped() -> None:
    settings = Calico(encapsulation="vxlan")
    assert pool(settings)["spec"]["vxlanMode"] == "Always"
    assert "vxlanEnabled" not in felix(settings)["spec"]


def test_pool_and_bgp_carry_the_settings() -> None:
    settings = Calico(pod_cidr="10.20.0.0/14", block_size=24, as_number=65001, nat_outgoing=False, node_mesh=False)
    spec = pool(settings)["spec"]
    assert (spec["cidr"], spec["blockSize"], spec["natOutgoing"]) == ("10.20.0.0/14", 24, False)
    assert bgp(settings)["spec"]["asNumber"] == 65001
    assert bgp(settings)["spec"]["nodeToNodeMeshEnabled"] is False


@pytest.mark.parametrize(("mtu", "expected"), [(None, "0"), (1400, "1400")])
def test_mtu_is_the_nics_unless_set(mtu: int | None, expected: str) -> None:
    (config,) = (body for body in rendered(mtu=mtu) if body["metadata"]["name"] == "calico-config")
    assert config["data"]["veth_mtu"] == expected


@pytest.mark.parametrize("nic", ["bond0", "br0", "vlan4000", "em1", "enp35s0", "eth0.100", "br-lan"])
def test_felix_takes_the_mtu_of_the_settings_nics_and_of_no_other(nic: str) -> None:
    told = felix(Calico(), interfaces=["eth1", nic, nic])["spec"]["mtuIfacePattern"]
    for name, taken in {nic: True, "eth1": True, "eth0": False, f"{nic}x": False, "cali1": False}.items():
        assert bool(re.search(told, name)) == taken, name
    assert "mtuIfacePattern" not in felix(Calico())["spec"]


def test_the_cni_file_is_json_once_its_marks_are_filled_in() -> None:
    filled = conflist("v3.28.5").replace("__CNI_MTU__", "1500")
    plugins = json.loads(filled)["plugins"]
    assert [plugin["type"] for plugin in plugins] == ["calico", "portmap", "bandwidth"]
    assert plugins[0]["mtu"] == 1500


@pytest.mark.parametrize("version", [version for version in CALICO if version != "v3.28.5"])
def test_bandwidth_is_limited_once(version: str) -> None:
    """Felix does since v3.30, by the same annotations."""
    assert "bandwidth" not in conflist(version)


def rights(version: str) -> dict[str, set[tuple[str, str, str]]]:
    """What each account may, as group, resource and verb."""
    roles = (body for body in rendered(version=version) if body["kind"] == "ClusterRole")
    return {
        role["metadata"]["name"]: {
            (group, resource, verb)
            for rule in role["rules"]
            for group, resource, verb in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"])
        }
        for role in roles
    }


CRD, POLICY = "crd.projectcalico.org", "policy.networking.k8s.io"
TIERS = {(CRD, "tiers", verb) for verb in ("get", "list", "watch", "create")}


def test_rights_follow_the_version() -> None:
    found = {version: rights(version) for version in CALICO}
    v28, v31, v32 = (found[version] for version in ("v3.28.5", "v3.31.7", "v3.32.2"))
    assert found["v3.32.0"] == found["v3.32.1"] == v32
    for account, before in v28.items():
        assert before <= v31[account] & v32[account]
    for account in ("calico-node", "calico-kube-controllers"):
        assert not TIERS & v28[account]
        assert v31[account] & v32[account] >= TIERS
    assert v31["calico-cni-plugin"] == v28["calico-cni-plugin"]
    assert v32["calico-cni-plugin"] > v28["calico-cni-plugin"]
    policies = {version: {r for g, r, _ in found[version]["calico-node"] if g == POLICY} for version in CALICO}
    assert policies["v3.31.7"] == {"adminnetworkpolicies", "baselineadminnetworkpolicies"}
    assert policies["v3.32.2"] == {"clusternetworkpolicies"}


@pytest.mark.parametrize("version", CALICO)
def test_nothing_may_take_the_definitions_away(version: str) -> None:
    """As the migration to another API group would, which does not run here."""
    for account in rights(version).values():
        groups = {(group, verb) for group, _, verb in account}
        assert ("apiextensions.k8s.io", "delete") not in groups
        assert "projectcalico.org" not in {group for group, _ in groups}


def test_calico_node_makes_no_pool_of_its_own() -> None:
    (container,) = node(rendered())["containers"]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environment["NO_DEFAULT_POOLS"] == "true"
    # calico-node ends at once when both are given (node/pkg/lifecycle/startup)
    assert not [name for name in environment if name.startswith("CALICO_IPV4POOL")]
    assert environment["IP_AUTODETECTION_METHOD"] == "cidr=192.168.77.0/24"


def test_every_pod_of_calico_reaches_the_api_without_kube_proxy() -> None:
    found = rendered()
    for body in found:
        if body["kind"] in ("DaemonSet", "Deployment"):
            pod = body["spec"]["template"]["spec"]
            for container in [*pod.get("initContainers", []), *pod["containers"]]:
                assert {"configMapRef": {"name": "kubernetes-services-endpoint"}} in container["envFrom"]


def test_no_probe_of_calico_node_starts_a_program() -> None:
    (container,) = node(rendered("emulated"))["containers"]
    probes = [value for key, value in container.items() if key.endswith("Probe")]
    assert len(probes) == 3
    assert all("exec" not in probe for probe in probes)


def without_timing(found: list[Object]) -> list[Object]:
    """Without probes' periods and the list of services that stay down."""
    stripped = deepcopy(found)
    for body in stripped:
        for container in body.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            if container["name"] == "calico-node":
                container["command"][2] = container["command"][2].partition("; do")[2]
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                for period in ("periodSeconds", "timeoutSeconds", "failureThreshold"):
                    del container[name][period]
    return stripped


def test_timing_changes_probe_periods_and_idle_services_and_nothing_else() -> None:
    assert rendered("native") != rendered("emulated")
    assert without_timing(rendered("native")) == without_timing(rendered("emulated"))


def test_volumes_are_all_mounted_and_mounts_all_backed() -> None:
    pod = node(rendered())
    mounted = {
        mount["name"]
        for container in [*pod["initContainers"], *pod["containers"]]
        for mount in container["volumeMounts"]
    }
    assert mounted == {volume["name"] for volume in pod["volumes"]}
