"""The API over one kept connection: how often it is made, and what an answer means."""

from __future__ import annotations

from pathlib import Path

import pytest

from fjordkube.helpers import api as module
from fjordkube.helpers.api import Api
from tests.unit.helpers.fakes import FakeApi


@pytest.fixture
def client(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(module, "RETRY_PAUSE", 0.0)
    return Api(api.kubeconfig(), tmp_path)


def test_many_requests_make_one_connection(api: FakeApi, client: Api) -> None:
    api.nodes.add("w1")
    assert [client.node_exists(name) for name in ("w1", "w2", "w1")] == [True, False, True]
    assert api.connections == 1


def test_a_connection_that_the_server_ended_is_made_anew(api: FakeApi, client: Api) -> None:
    api.keep = False
    for _ in range(3):
        assert not client.node_exists("w1")
    assert len(api.asked) == 3


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    api: FakeApi, client: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.node_exists("w1")
    monkeypatch.setattr(module, "IDLE_SECONDS", -1)
    client.node_exists("w1")
    assert api.connections == 2


def test_a_dead_api_is_an_error_with_its_address(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_PAUSE", 0.0)
    with pytest.raises(OSError, match=r"the API at 127\.0\.0\.1:1 does not answer"):
        Api(api.kubeconfig(port=1), tmp_path).get("/readyz")


def test_nothing_there_is_none_and_a_refusal_is_not(api: FakeApi, client: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/api/v1/nodes/w1") is None
    monkeypatch.setattr(api, "answer", lambda *_: (403, {"message": "not you"}))
    with pytest.raises(OSError, match=r"answers 403 when asked for /api/v1/nodes/w1: not you"):
        client.get("/api/v1/nodes/w1")


def test_a_busy_api_is_asked_again(api: FakeApi, client: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [503, 429, 200]
    monkeypatch.setattr(api, "answer", lambda *_: (codes.pop(0), {}))
    assert client.request("GET", "/readyz") == (200, {})


def test_the_clients_key_does_not_stay_in_a_file(client: Api, tmp_path: Path) -> None:
    assert client.host == "127.0.0.1"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
