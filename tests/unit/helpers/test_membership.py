"""Joining and removing against a pretended API and ssh: the token's life, finished joins, bounded removal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.helpers.fakes import FakeApi, joins, run


def test_joins_with_a_token_that_ends_with_the_join(api: FakeApi, environment: dict[str, str], tmp_path: Path) -> None:
    joins(api)
    done = run("join", environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"node": "w1", "state": "member"}
    assert api.secrets == {}
    assert api.annotations == {"w1": {"example.com/address": "192.168.77.101/24"}}
    assert [ask.split()[0] for ask in api.asked if "secrets" in ask] == ["POST", "DELETE"]
    sent = (tmp_path / "stdin").read_text()
    assert '"server": "https://api.fjord.internal:6443"' in sent
    token = sent.split('"token": "')[1].split('"')[0]
    arguments = (tmp_path / "arguments").read_text()
    for secret in (token, "PRIVATE KEY"):
        assert secret not in arguments + done.stdout + done.stderr
    assert "StrictHostKeyChecking=yes" in arguments
    assert (tmp_path / "key-mode").read_text() == "600\n"


def test_a_member_costs_no_token(api: FakeApi, environment: dict[str, str]) -> None:
    api.nodes.add("w1")
    done = run("join", {**environment, "STATE": "member"})
    assert done.returncode == 0, done.stderr
    assert not any("secrets" in ask for ask in api.asked)


def test_a_machine_made_anew_replaces_the_node_of_its_name(api: FakeApi, environment: dict[str, str]) -> None:
    api.nodes.add("w1")
    joins(api)
    done = run("join", environment)
    assert done.returncode == 0, done.stderr
    assert api.asked.index("DELETE /api/v1/nodes/w1") < api.asked.index("POST /api/v1/namespaces/kube-system/secrets")


def test_a_failed_script_still_deletes_the_token(api: FakeApi, environment: dict[str, str]) -> None:
    done = run("join", {**environment, "FJORDKUBE_SCRIPT": "echo kubeadm says why >&2; exit 1"})
    assert done.returncode == 1
    assert "kubeadm says why" in done.stderr
    assert "the script on the node failed" in done.stderr
    assert api.secrets == {}


def test_a_node_that_never_registers_is_a_bounded_failure(api: FakeApi, environment: dict[str, str]) -> None:
    done = run("join", environment)
    assert done.returncode == 1
    assert "joined, but not registered after 2 s" in done.stderr
    assert "Traceback" not in done.stderr


def pod(name: str, kind: str | None = "ReplicaSet", mirror: bool = False) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "namespace": "default"}
    if kind:
        meta["ownerReferences"] = [{"kind": kind}]
    if mirror:
        meta["annotations"] = {"kubernetes.io/config.mirror": "x"}
    return {"metadata": meta, "status": {"phase": "Running"}}


def test_removal_drains_then_forgets(api: FakeApi, environment: dict[str, str]) -> None:
    api.nodes.add("w1")
    api.pods = [pod("demo"), pod("calico-node", "DaemonSet"), pod("static", None, mirror=True)]
    done = run("remove", environment)
    assert done.returncode == 0, done.stderr
    assert [ask for ask in api.asked if ask.startswith("POST")] == [
        "POST /api/v1/namespaces/default/pods/demo/eviction"
    ]
    assert api.nodes == set()


def test_a_drain_that_does_not_end_blocks_nothing(api: FakeApi, environment: dict[str, str]) -> None:
    api.nodes.add("w1")
    api.pods = [pod("demo")]
    api.refuse_evictions = True
    done = run("remove", environment)
    assert done.returncode == 0
    assert "1 pods were not gone after 1 s, going on: default/demo" in done.stderr
    assert api.nodes == set()


def test_a_dead_cluster_and_a_dead_node_block_nothing(
    api: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "ssh").write_text("#!/bin/sh\nexit 255\n")
    dead = {"FJORDKUBE_KUBECONFIG": api.kubeconfig(port=1), "FJORDKUBE_RESET_SCRIPT": "true"}
    done = run("remove", {**environment, **dead})
    assert done.returncode == 0
    assert "not removed from the cluster, going on" in done.stderr
    assert "not reset, going on" in done.stderr


def test_machine_that_was_lent_is_given_back_without_a_cluster(environment: dict[str, str]) -> None:
    del environment["FJORDKUBE_KUBECONFIG"]
    done = run("release", {**environment, "FJORDKUBE_RELEASE_SCRIPT": 'echo \'{"state":"released"}\''})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"node": "w1", "state": "released"}


@pytest.mark.parametrize("ends", ["exit 1", "kill -9 $$"])
def test_machine_that_cannot_be_given_back_blocks_nothing_and_is_named(environment: dict[str, str], ends: str) -> None:
    begun = time.monotonic()
    done = run("release", {**environment, "FJORDKUBE_RELEASE_SCRIPT": ends})
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"node": "w1", "state": "not reached"}
    assert "w1: not given back clean, going on" in done.stderr
    assert time.monotonic() - begun < 20
