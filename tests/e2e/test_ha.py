"""Three control planes on virtual machines: from nothing, the first killed, lost and made anew, and back to one.

Not part of `make test` (`make test-ha`): four emulated machines on two cores. The tests run in file order and build on
each other.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fjordkube.helpers.kubeconfig import pointed_at
from tests.e2e import cluster, example
from tests.e2e.conftest import local_stack
from tests.e2e.load import Load, load
from tests.e2e.test_cluster import HOST, kubeconfig_of
from tests.engine.command import Commands

PLANES = ("cp1", "cp2", "cp3")
UP_SECONDS = 2400
NODES: dict[str, Any] = {
    "source": "local",
    "control_planes": [{"name": name, "memory_mib": 3072} for name in PLANES],
    "workers": ["w1"],
}
SETTINGS = {"cluster": {"name": "ha"}, "nodes": NODES}
PRODUCTION = {"kubernetes": {"hardening": {"profile": "production"}}}
WRITES_AGAIN_SECONDS = 30
ETCD = """
P=/etc/kubernetes/pki
curl --silent --cacert $P/etcd/ca.crt --cert $P/apiserver-etcd-client.crt --key $P/apiserver-etcd-client.key \
  --data '{data}' https://127.0.0.1:2379/v3/{path}
"""


@pytest.fixture(scope="module")
def three() -> Iterator[Commands]:
    """Commands on a stack of its own."""
    with local_stack("ha", SETTINGS) as made:
        yield made


def etcd(commands: Commands, node: str, path: str, data: dict[str, Any]) -> dict[str, Any]:
    """An answer of etcd's JSON gateway on a control plane."""
    found: dict[str, Any] = json.loads(cluster.shell(commands, node, ETCD.format(path=path, data=json.dumps(data))))
    return found


def secrets_in_etcd(commands: Commands, node: str) -> list[bytes]:
    """Each Secret as it is stored."""
    between = [base64.b64encode(key).decode() for key in (b"/registry/secrets/", b"/registry/secrets0")]
    answer = etcd(commands, node, "kv/range", {"key": between[0], "range_end": between[1]})
    return [base64.b64decode(each["value"]) for each in answer["kvs"]]


def etcd_members(commands: Commands, node: str) -> set[str]:
    """Names of the members that vote, as one of them lists them."""
    found = etcd(commands, node, "cluster/member/list", {})["members"]
    assert not [member for member in found if member.get("isLearner")]
    return {member["name"] for member in found}


def under_load(commands: Commands, *planes: str) -> Any:
    """A load on the ingress through w1 and on the API through those control planes."""
    endpoints = [f"127.0.0.1:{cluster.record(commands, plane)['ports']['api']}" for plane in planes]
    door = cluster.record(commands, "w1")["ports"]["http"]
    folder = commands.home / "load"
    return load(folder, kubeconfig_of(commands).read_text(), endpoints, door, HOST)


def up(commands: Commands) -> str:
    done = commands.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    print(f"up: {done.seconds:.0f} s", flush=True)
    return done.text


def nodes_ready(commands: Commands) -> set[str]:
    found = json.loads(example.kubectl(kubeconfig_of(commands), "get", "nodes", "--output", "json"))
    return {
        node["metadata"]["name"]
        for node in found["items"]
        if any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])
    }


def test_three_control_planes_from_nothing(three: Commands) -> None:
    said = up(three)
    for gate in ("bgp", "data-path", "ipvs", "ingress"):
        assert f"gate {gate}: passed" in said
    assert {node: etcd_members(three, node) for node in PLANES} == {node: set(PLANES) for node in PLANES}
    assert nodes_ready(three) == {*PLANES, "w1"}


def test_a_second_up_changes_nothing(three: Commands) -> None:
    before = {node: cluster.logins(three, node) for node in PLANES}
    said = up(three)
    assert re.search(r"engine done in .*: \d+ unchanged", said)
    assert {node: cluster.logins(three, node) for node in PLANES} == {node: n + 1 for node, n in before.items()}


def test_the_first_one_killed_leaves_an_api_to_every_client_and_node(three: Commands) -> None:
    with under_load(three, *PLANES) as seen:
        time.sleep(5)
        cluster.kill(three, "cp1")
        time.sleep(90)
    print(f"cp1 killed: {seen}", flush=True)
    served(seen)
    assert seen.writes.longest < WRITES_AGAIN_SECONDS
    # the worker's kubelet still reports, by way of another control plane
    endpoint = f"127.0.0.1:{cluster.record(three, 'cp2')['ports']['api']}"
    kubeconfig = three.home / "cp2.conf"
    kubeconfig.write_text(pointed_at(kubeconfig_of(three).read_text(), endpoint))
    node = json.loads(example.kubectl(kubeconfig, "get", "node", "w1", "--output", "json"))
    ready = {each["type"]: each["status"] for each in node["status"]["conditions"]}
    assert ready["Ready"] == "True"


def test_the_first_one_lost_with_its_disk_is_made_anew_and_joins_the_others(three: Commands) -> None:
    shutil.rmtree(three.home / "vm" / three.stack / "cp1")
    with under_load(three, "cp2", "cp3") as seen:
        said = up(three)
    print(f"cp1 made anew: {seen}", flush=True)
    served(seen)
    assert "cp1: joining as a control plane" in said
    assert "Kubernetes objects" not in said, "no object of the cluster depends on one control plane"
    assert {node: etcd_members(three, node) for node in PLANES} == {node: set(PLANES) for node in PLANES}
    assert nodes_ready(three) == {*PLANES, "w1"}


def test_the_hardened_profile_comes_by_an_edit(three: Commands) -> None:
    assert not any(value.startswith(b"k8s:enc:") for value in secrets_in_etcd(three, "cp2"))
    three.write({**SETTINGS, **PRODUCTION})
    with under_load(three, *PLANES) as seen:
        up(three)
    print(f"production: {seen}", flush=True)
    served(seen)
    assert all(value.startswith(b"k8s:enc:secretbox:v1:") for value in secrets_in_etcd(three, "cp3"))
    for node in PLANES:
        answers = cluster.shell(
            three,
            node,
            "for p in readyz version; do curl -sk -o /dev/null -w '%{http_code} ' https://127.0.0.1:6443/$p; done",
        )
        assert answers.split() == ["200", "401"]
        assert cluster.shell(three, node, "ls /var/log/kubernetes/*/ 2>/dev/null || ls /var/log/kubernetes")


def test_back_to_one_which_is_not_the_first(three: Commands) -> None:
    three.write({**SETTINGS, **PRODUCTION, "nodes": {**NODES, "control_planes": [NODES["control_planes"][1]]}})
    with under_load(three, "cp2") as seen:
        up(three)
    print(f"back to cp2: {seen}", flush=True)
    served(seen)
    assert etcd_members(three, "cp2") == {"cp2"}
    assert nodes_ready(three) == {"cp2", "w1"}


def served(seen: Load) -> None:
    assert seen.requests.good > 100
    assert seen.requests.failed == []
