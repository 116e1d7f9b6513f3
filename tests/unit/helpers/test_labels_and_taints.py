"""Labels and taints of a node: ours follow the settings, others' stay, and one write is enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fjordkube.helpers import api as api_module
from fjordkube.helpers.api import Api
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.membership import labels_and_taints
from tests.unit.helpers.fakes import FakeApi, joins, run

WEB = "dedicated=web:NoSchedule"
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


@pytest.fixture
def client(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(api_module, "RETRY_PAUSE", 0.0)
    monkeypatch.setattr(labels_and_taints, "PAUSE", 0.0)
    api.nodes.add("w1")
    return Api(api.kubeconfig(), tmp_path)


def writes(api: FakeApi) -> int:
    return sum(ask.startswith("PATCH") for ask in api.asked)


def test_a_node_that_joins_is_marked_in_one_write(api: FakeApi, environment: dict[str, str]) -> None:
    joins(api)
    asked = {"FJORDKUBE_LABELS": '{"tier": "web"}', "FJORDKUBE_TAINTS": json.dumps([WEB])}
    api.taints["w1"] = [NOT_READY, labels_and_taints.parsed(WEB)]  # the kubelet registered with its own
    done = run("join", {**environment, **asked})
    assert done.returncode == 0, done.stderr
    assert api.labels["w1"] == {"tier": "web"}
    assert api.taints["w1"] == [NOT_READY, labels_and_taints.parsed(WEB)]
    assert api.annotations["w1"]["example.com/address"] == "192.168.77.101/24"
    assert writes(api) == 1


def test_an_edit_reaches_a_node_that_is_a_member(api: FakeApi, environment: dict[str, str]) -> None:
    api.nodes.add("w1")
    asked = {"FJORDKUBE_LABELS": '{"tier": "web"}', "FJORDKUBE_TAINTS": json.dumps([WEB]), "STATE": "member"}
    for _ in range(2):
        done = run("join", {**environment, **asked})
        assert done.returncode == 0, done.stderr
    assert api.labels["w1"] == {"tier": "web"}
    assert api.taints["w1"] == [{"key": "dedicated", "value": "web", "effect": "NoSchedule"}]
    assert writes(api) == 1


def test_what_is_taken_out_goes_and_what_others_set_stays(api: FakeApi, client: Api) -> None:
    theirs = {"key": "example.com/maintenance", "effect": "NoExecute"}
    api.labels["w1"] = {"kubernetes.io/hostname": "w1", "owner": "somebody"}
    api.taints["w1"] = [theirs]
    labels_and_taints.reconcile(client, "w1", {"tier": "web", "disk": "nvme"}, [WEB, "gpu:PreferNoSchedule"], {})
    labels_and_taints.reconcile(client, "w1", {"tier": "api"}, ["gpu:PreferNoSchedule"], {})
    assert api.labels["w1"] == {"kubernetes.io/hostname": "w1", "owner": "somebody", "tier": "api"}
    assert api.taints["w1"] == [theirs, {"key": "gpu", "effect": "PreferNoSchedule"}]
    labels_and_taints.reconcile(client, "w1", {}, [], {})
    assert api.labels["w1"] == {"kubernetes.io/hostname": "w1", "owner": "somebody"}
    assert api.taints["w1"] == [theirs]


def test_a_taints_new_value_takes_the_old_ones_place(api: FakeApi, client: Api) -> None:
    labels_and_taints.reconcile(client, "w1", {}, [WEB], {})
    labels_and_taints.reconcile(client, "w1", {}, ["dedicated=api:NoSchedule"], {})
    assert api.taints["w1"] == [{"key": "dedicated", "value": "api", "effect": "NoSchedule"}]


def test_a_node_as_it_should_be_is_not_written(api: FakeApi, client: Api) -> None:
    labels_and_taints.reconcile(client, "w1", {}, [], {})
    assert writes(api) == 0
    assert api.annotations == {}


def test_a_label_that_its_owner_already_took_off_costs_no_error(api: FakeApi, client: Api) -> None:
    labels_and_taints.reconcile(client, "w1", {"tier": "web"}, [], {})
    del api.labels["w1"]["tier"]
    labels_and_taints.reconcile(client, "w1", {}, [], {})
    assert api.labels["w1"] == {}
    assert api.annotations["w1"][labels_and_taints.OUR_LABELS] == "[]"


def test_a_taint_list_that_somebody_else_writes_meanwhile_is_read_again(api: FakeApi, client: Api) -> None:
    api.conflicts = 3
    labels_and_taints.reconcile(client, "w1", {}, [WEB], {})
    assert api.taints["w1"] == [labels_and_taints.parsed(WEB)]


def test_labels_alone_never_conflict(api: FakeApi, client: Api) -> None:
    api.conflicts = 1
    labels_and_taints.reconcile(client, "w1", {"tier": "web"}, [], {})
    assert api.conflicts == 1
    assert writes(api) == 1


def test_endless_conflicts_are_a_bounded_failure(api: FakeApi, client: Api) -> None:
    api.conflicts = 1000
    with pytest.raises(
        HelperError, match=r"w1: its taints were changed by somebody else 10 times in a row; run 'up' again"
    ):
        labels_and_taints.reconcile(client, "w1", {}, [WEB], {})
    assert writes(api) == labels_and_taints.ATTEMPTS


def test_a_refusal_repeats_the_apis_words(api: FakeApi, client: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = api.answer

    def refusing(method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        return (422, {"message": "taint is not good"}) if method == "PATCH" else plain(method, path, body)

    monkeypatch.setattr(api, "answer", refusing)
    with pytest.raises(HelperError, match="answers 422 to labels and taints of /api/v1/nodes/w1: taint is not good"):
        labels_and_taints.reconcile(client, "w1", {}, [WEB], {})


@pytest.mark.parametrize("spoilt", ["not json", '{"a": 1}', "[1]"])
def test_a_spoilt_memory_takes_nothing_away(api: FakeApi, client: Api, spoilt: str) -> None:
    api.labels["w1"] = {"owner": "somebody"}
    api.annotations["w1"] = {labels_and_taints.OUR_LABELS: spoilt}
    labels_and_taints.reconcile(client, "w1", {"tier": "web"}, [], {})
    assert api.labels["w1"] == {"owner": "somebody", "tier": "web"}
    assert api.annotations["w1"][labels_and_taints.OUR_LABELS] == '["tier"]'
