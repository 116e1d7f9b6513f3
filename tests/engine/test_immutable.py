"""Edits that a living cluster cannot take, refused by the program itself: the real engine on a pretended stack."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bench import answers
from bench.project import Project, Run
from fjordkube.errors import FjordkubeError


class Living:
    """A cluster that is said to exist."""

    def __init__(self, source: str, folder: Path, **nodes: Any) -> None:
        self.source, self.nodes = source, {"workers": ["w1"], **nodes}
        try:
            self.project = Project(folder / "project")
        except FjordkubeError as error:
            pytest.skip(str(error))
        self.project.write(self.settings())
        self.project.pretend()

    def settings(self, sections: dict[str, Any] | None = None, **nodes: Any) -> dict[str, Any]:
        return {**answers.settings(self.source, self.project.folder, **{**self.nodes, **nodes}), **(sections or {})}

    def preview(self, sections: dict[str, Any] | None = None, **nodes: Any) -> Run:
        return self.preview_of(self.settings(sections, **nodes))

    def preview_of(self, settings: dict[str, Any]) -> Run:
        self.project.write(settings)
        return self.project.preview()

    def refused(self, sections: dict[str, Any] | None = None, **nodes: Any) -> list[str]:
        return self.refused_of(self.settings(sections, **nodes))

    def refused_of(self, settings: dict[str, Any]) -> list[str]:
        """Lines of the preview that refuse a field."""
        with pytest.raises(RuntimeError) as failed:
            self.preview_of(settings)
        assert "Traceback" not in str(failed.value)
        return re.findall(
            r"^(?:error: )?([a-z_.]+(?:\[[a-z0-9]+\])?[a-z_.]*: .* in the cluster that lives.*)$",
            str(failed.value),
            re.M,
        )


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Living:
    return Living("existing", tmp_path_factory.mktemp("existing"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Living:
    return Living("upcloud", tmp_path_factory.mktemp("upcloud"))


def test_ranges_domain_and_version_stay_as_they_are_and_all_are_told_at_once(hosts: Living) -> None:
    lines = hosts.refused(
        {
            "network": {"pod_cidr": "10.200.0.0/16", "block_size": 25},
            "kubernetes": {"service_cidr": "10.112.0.0/12", "version": "v1.36.4"},
            "cluster": {"domain": "other.internal"},
        }
    )
    assert [line.split(": ")[0] for line in sorted(lines)] == [
        "cluster.domain",
        "kubernetes.service_cidr",
        "kubernetes.version",
        "network.block_size",
        "network.pod_cidr",
    ]
    assert all("; write " in line for line in lines)
    assert any(
        line.startswith("network.pod_cidr: 10.244.0.0/16 in the cluster that lives, and now 10.200.") for line in lines
    )


def test_etcd_stays_on_its_disk(hosts: Living) -> None:
    settings = hosts.settings()
    settings["nodes"]["control_planes"][0]["etcd_disk"] = "/dev/vdz"
    (line,) = hosts.refused_of(settings)
    assert line.startswith("nodes.control_planes[cp1].etcd_disk: ")
    assert "now /dev/vdz; write LABEL=etcd again: etcd's data is on the first" in line


def test_a_refusal_leaves_nothing_behind_and_other_edits_pass(hosts: Living) -> None:
    before = hosts.project.state().read_text()
    assert hosts.refused({"network": {"block_size": 25}})
    assert hosts.project.state().read_text() == before
    assert hosts.preview().changed() == {}
    changed = hosts.preview({"ingress": {"config": {"keep-alive": 66}}}).changed()
    assert set(changed) == {"fjord-ingress-configmap-ingress-nginx-controller", "fjord-gates-ingress"}


def test_a_lone_control_plane_that_is_made_anew_starts_a_new_cluster(servers: Living) -> None:
    other = {"network": {"pod_cidr": "10.200.0.0/16"}}
    assert servers.refused(other)
    run = servers.preview(other, template="another")
    assert run.operations["fjord-immutable-cluster"] == "replace"


def test_more_control_planes_keep_what_the_first_was_started_with(servers: Living) -> None:
    planes = ["cp1", "cp2", "cp3"]
    run = servers.preview(control_planes=planes)
    operations = run.operations
    assert (operations["fjord-immutable-cluster"], operations["fjord-immutable-etcd"]) == ("update", "replace")
    assert objects(run) == set()
    assert servers.refused({"network": {"pod_cidr": "10.200.0.0/16"}}, control_planes=planes)


def objects(run: Run) -> set[str]:
    """Kubernetes objects, and the provider of all of them, that a plan does not leave alone."""
    return {name for name in run.changed() if name.startswith(("fjord-calico-", "fjord-demo-", "fjord-objects"))}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Living:
    return Living("upcloud", tmp_path_factory.mktemp("three"), control_planes=["cp1", "cp2", "cp3"])


@pytest.mark.parametrize(
    ("left", "unknown"),
    [
        (["cp1"], False),
        (["cp2", "cp3", "cp1"], False),
        (["cp2", "cp3", "cp4"], False),
        # its kubeconfig is read on another machine, or the address of a new one is not known yet: docs/scale.md
        (["cp3"], True),
        (["cp0", "cp2", "cp3"], True),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_any_control_plane_may_leave_or_move_and_no_object_is_made_anew(
    three: Living, left: list[str], unknown: bool
) -> None:
    run = three.preview(control_planes=left)
    assert bool(objects(run)) == unknown
    assert {run.operations[name] for name in objects(run)} <= {"update"}
    assert run.operations["fjord-immutable-cluster"] in ("same", "update")
    members = {name: operation for name, operation in run.operations.items() if name.endswith("-member")}
    assert {name for name, operation in members.items() if operation == "delete"} == {
        f"fjord-{name}-member" for name in {"cp1", "cp2", "cp3"} - set(left)
    }
    assert "replace" not in members.values()
    if set(left) == {"cp1", "cp2", "cp3"}:
        # the order is no part of any node
        assert {name for name in run.changed() if name.endswith(("-prepared", "-member", "-joined"))} == set()
