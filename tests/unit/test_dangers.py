"""Which plans need a word of their own, by the names and types that components give."""

from __future__ import annotations

import pytest

from commands.dangers import Step, dangers

LOCAL, REMOTE = "command:local:Command", "command:remote:Command"
SERVER, STORAGE = "upcloud:index/server:Server", "upcloud:index/storage:Storage"
INSTANCE = "openstack:compute/instance:Instance"
PLANE, WORKER = "fjordkube:bootstrap:ControlPlane", "fjordkube:bootstrap:Worker"
GONE = ("delete", "replace", "delete-replaced", "create-replacement")


def node(kind: str, name: str, operation: str = "same", cluster: str = "fjord") -> Step:
    return Step(operation, kind, f"{cluster}-{name}", cluster)


STACK = [node(PLANE, "cp1"), node(PLANE, "cp2"), node(WORKER, "w1"), node(WORKER, "w2")]


def words(*steps: Step, stack: list[Step] = STACK) -> set[str]:
    return set(dangers([*stack, *steps]))


def test_plan_that_makes_and_changes_is_not_dangerous() -> None:
    assert dangers([]) == {}
    assert words() == set()
    new = [node(PLANE, "cp1", "create"), node(WORKER, "w1", "create"), Step("create", SERVER, "nodes-cp1")]
    assert words(stack=new) == set()
    assert words(Step("update", SERVER, "nodes-cp1"), Step("update", STORAGE, "nodes-cp1-etcd")) == set()


@pytest.mark.parametrize("operation", GONE)
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (SERVER, "nodes-cp1"),
        (INSTANCE, "nodes-cp1"),
        (LOCAL, "nodes-cp1"),
        (LOCAL, "nodes-cp1-disk"),
        (LOCAL, "fjord-cp1-host-release"),
        (LOCAL, "fjord-cp2-member"),
    ],
)
def test_end_of_a_control_planes_machine_or_membership(operation: str, kind: str, name: str) -> None:
    assert words(Step(operation, kind, name)) == {"control-plane"}


def test_restart_of_a_control_plane_is_not_dangerous() -> None:
    again = ["fjord-api", "fjord-joinable", "fjord-addons", "fjord-cp1-host-prepared"]
    steps = [Step(operation, REMOTE, name) for name in again for operation in GONE[1:]]
    power = [Step(operation, LOCAL, "nodes-cp1-power") for operation in GONE[1:]]
    assert words(*steps, *power, Step("replace", LOCAL, "fjord-gates-bgp")) == set()


def test_control_plane_that_leaves_the_settings() -> None:
    gone = dangers([node(PLANE, "cp1"), node(PLANE, "cp2", "delete"), Step("delete", SERVER, "nodes-cp2")])
    assert gone == {
        "control-plane": [
            "cp2: its membership fjord-cp2 is deleted",
            "cp2: its machine nodes-cp2 is deleted",
        ]
    }


@pytest.mark.parametrize("operation", GONE)
def test_end_of_etcds_disk(operation: str) -> None:
    assert words(Step(operation, STORAGE, "nodes-cp1-etcd")) == {"etcd-data"}
    both = dangers([*STACK, Step(operation, SERVER, "nodes-cp1"), Step(operation, STORAGE, "nodes-cp1-etcd")])
    assert list(both) == ["control-plane", "etcd-data"]
    assert "cp1: nodes-cp1-etcd is" in both["etcd-data"][0]


def test_etcds_disk_is_told_when_its_node_is_in_no_cluster_yet() -> None:
    assert words(Step("delete", STORAGE, "nodes-cp9-etcd"), stack=[]) == {"etcd-data"}


def test_replacement_is_told_once() -> None:
    steps = [Step(operation, SERVER, "nodes-cp1") for operation in GONE[1:]]
    assert dangers([*STACK, *steps]) == {"control-plane": ["cp1: its machine nodes-cp1 is replaced"]}


def test_one_worker_of_two_is_not_dangerous_and_both_are() -> None:
    one, other = Step("replace", SERVER, "nodes-w1"), Step("delete", LOCAL, "fjord-w2-joined")
    assert words(one) == words(other) == set()
    assert dangers([*STACK, one, other]) == {"all-workers": ["w1, w2: no worker stays as it is"]}


def test_new_worker_does_not_make_up_for_the_old_ones() -> None:
    stack = [node(PLANE, "cp1"), node(WORKER, "w1"), node(WORKER, "w2", "create")]
    assert words(Step("replace", SERVER, "nodes-w1"), Step("create", SERVER, "nodes-w2"), stack=stack) == {
        "all-workers"
    }


def test_workers_that_are_only_to_be_made_are_not_lost() -> None:
    stack = [node(PLANE, "cp1"), node(WORKER, "w1", "create")]
    assert words(Step("replace", SERVER, "nodes-w1"), stack=stack) == set()


def test_hosts_that_are_given_back_count_as_machines() -> None:
    steps = [Step("delete", LOCAL, f"fjord-{name}-host-release") for name in ("w1", "w2")]
    assert words(*steps) == {"all-workers"}


def test_worker_whose_component_goes_is_lost() -> None:
    assert words(stack=[node(WORKER, "w1", "delete")]) == {"all-workers"}


def test_another_name_of_the_cluster_ends_every_membership() -> None:
    old = [node(PLANE, "cp1", "delete"), node(WORKER, "w1", "delete")]
    new = [node(PLANE, "cp1", "create", "other"), node(WORKER, "w1", "create", "other")]
    steps = [Step("delete", LOCAL, "fjord-cp1-member"), Step("create", LOCAL, "other-cp1-member")]
    assert words(*steps, stack=[*old, *new]) == {"control-plane", "all-workers"}


def test_control_plane_that_becomes_a_worker_is_one_that_ends() -> None:
    stack = [node(PLANE, "cp1"), node(PLANE, "n2", "delete"), node(WORKER, "n2", "create"), node(WORKER, "w1")]
    assert words(Step("replace", SERVER, "nodes-n2"), stack=stack) == {"control-plane"}


def test_names_that_only_look_alike_are_not_taken_for_a_node() -> None:
    others = ["nodes-cp", "nodes-cp11", "nodes-network", "nodes-cp1-firewall", "nodes-cp1-ip", "fjord-cp11-member"]
    assert words(*[Step("delete", SERVER, name) for name in others]) == set()


def test_cluster_whose_name_holds_a_dash() -> None:
    stack = [node(PLANE, "cp-1", cluster="my-edge")]
    assert words(Step("delete", SERVER, "nodes-cp-1"), stack=stack) == {"control-plane"}
