"""Nodes keep their identity: what one edit of the node lists touches, counted by the real engine on a pretended stack.

A preview starts from a state in which every node exists; all that is not the edited node's own, nor a gate's (a promise
about all nodes is measured again when the nodes are others), must stay as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import answers
from bench.project import Project, Run

WORKERS = ["w1", "w2", "w3", "w4", "w5"]
POOL = {"name": "web", "count": 2, "first_address": "192.168.77.150", "labels": {"tier": "web"}}
NODES = ["cp1", "cp2", "cp3", *WORKERS, "w6", "web1", "web2", "web3"]
MOST = 9
"""Resources per node, components among them."""
ABOUT_ALL = re.compile(r"-gates-|^nodes-survey$")
"""Resources of the cluster that know every node: what measures, and what asks hosts that were there before."""

Edited = Callable[..., Run]


@pytest.fixture(scope="module", params=answers.SOURCES)
def edited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Edited:
    """Previews an edit of the nodes onto a state of five workers."""
    return edits(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def with_pool(tmp_path_factory: pytest.TempPathFactory) -> Edited:
    """The same with a pool of two beside the workers."""
    return edits("local", tmp_path_factory.mktemp("pool"), pools=[POOL])


def edits(source: str, folder: Path, **kept: Any) -> Edited:
    project = Project(folder / "project")

    def settings(**nodes: Any) -> dict[str, Any]:
        return answers.settings(source, project.folder, **{"workers": WORKERS, **kept, **nodes})

    project.write(settings())
    project.pretend()

    def edit(**nodes: Any) -> Run:
        project.write(settings(**nodes))
        return project.preview()

    return edit


def owner(name: str) -> str:
    """The node whose resource this is; empty: the cluster's."""
    return next((node for node in NODES if re.search(rf"(^|-){node}(-|$)", name)), "")


def touched(run: Run) -> dict[str, dict[str, str]]:
    """Operations other than `same`, by owner and resource."""
    found: dict[str, dict[str, str]] = {}
    for name, operation in run.changed().items():
        found.setdefault(owner(name), {})[name] = operation
    return found


def assert_only(run: Run, node: str, operation: str) -> None:
    """All of one node's resources, by one operation; of the cluster what knows every node; of others nothing at all."""
    found = touched(run)
    assert all(ABOUT_ALL.search(name) for name in found.pop("", {}))
    own = found.pop(node)
    assert set(own.values()) == {operation}
    assert found == {}
    # none of it is said to stay
    assert {name for name in run.operations if owner(name) == node} == set(own)


def test_nodes_in_another_order_are_no_change(edited: Edited) -> None:
    assert edited(workers=["w4", "w2", "w5", "w1", "w3"]).changed() == {}


def test_the_second_of_five_workers_goes_alone(edited: Edited) -> None:
    assert_only(edited(workers=["w1", "w3", "w4", "w5"]), "w2", "delete")


def test_a_worker_in_the_middle_comes_alone(edited: Edited) -> None:
    assert_only(edited(workers=["w1", "w2", "w6", "w3", "w4", "w5"]), "w6", "create")


def test_a_label_is_an_update_of_one_membership(with_pool: Edited) -> None:
    run = with_pool(workers=["w1", {"name": "w2", "labels": {"tier": "db"}}, "w3", "w4", "w5"])
    assert run.changed() == {"fjord-w2-joined": "update"}


def test_more_control_planes_replace_nothing_but_gates(edited: Edited) -> None:
    """Every node's proxy knows the control planes, so hosts are written again; docs/scale.md tells what and why."""
    run = edited(control_planes=["cp1", "cp2", "cp3"])
    found = touched(run)
    replaced = [name for name, operation in run.changed().items() if operation not in ("create", "update")]
    # and the record of etcd's disks, which has one more
    assert all("-gates-" in name or name == "fjord-immutable-etcd" for name in replaced)
    for node in ("w1", "w5"):
        assert found[node] == {f"fjord-{node}-host-prepared": "update"}
    assert set(found["cp2"].values()) == {"create"}

    # no node has more than a few resources, and no control plane others than the rest
    counts = Counter(owner(name) for name in run.operations)
    assert {node for node in NODES if counts[node] > MOST} == set()
    assert counts["cp1"] == counts["cp2"] == counts["cp3"]
    assert len({counts[worker] for worker in WORKERS}) == 1


def test_a_taint_is_an_update_of_one_membership_and_of_what_measures(with_pool: Edited) -> None:
    run = with_pool(workers=["w1", {"name": "w2", "taints": ["dedicated=db:NoSchedule"]}, "w3", "w4", "w5"])
    found = touched(run)
    assert found.pop("w2") == {"fjord-w2-joined": "update"}
    # the probe tolerates it, and the node is no door any more
    assert set(found.pop("")) == {"fjord-gates-probe-daemonset-probe", "fjord-gates-ingress"}
    assert found == {}


def test_a_pool_grows_and_shrinks_at_its_highest_number(with_pool: Edited) -> None:
    assert_only(with_pool(pools=[{**POOL, "count": 3}]), "web3", "create")
    assert_only(with_pool(pools=[{**POOL, "count": 1}]), "web2", "delete")


def test_a_pools_label_is_an_update_of_its_members_alone(with_pool: Edited) -> None:
    run = with_pool(pools=[{**POOL, "labels": {"tier": "front"}}])
    assert run.changed() == {"fjord-web1-joined": "update", "fjord-web2-joined": "update"}
