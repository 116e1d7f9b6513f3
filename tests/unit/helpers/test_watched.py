"""A collection that the API keeps us told of: what is asked of it, what is seen, and what breaks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fjordkube.helpers import watched as module
from fjordkube.helpers.api import Api
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.watched import Watched
from tests.unit.helpers.fakes import FakeApi

PODS = "/api/v1/namespaces/x/pods"


def pod(name: str, phase: str = "Pending") -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"phase": phase}}


@pytest.fixture
def client(api: FakeApi, tmp_path: Path) -> Api:
    api.objects[PODS] = {"items": [pod("a"), pod("b")], "metadata": {"resourceVersion": "7"}}
    return Api(api.kubeconfig(), tmp_path)


@pytest.fixture
def pods(client: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(module, "RETRY_PAUSE", 0.05)
    with Watched(client, f"{PODS}?labelSelector=x") as found:
        yield found


def phases(pods: Watched) -> dict[str, str]:
    return {item["metadata"]["name"]: item["status"]["phase"] for item in pods.items()}


def seen(pods: Watched, wanted: dict[str, str], seconds: float = 3) -> float:
    """Seconds until that is what there is."""
    begun = time.monotonic()
    while phases(pods) != wanted:
        pods.rest(seconds)
        assert time.monotonic() - begun < seconds, phases(pods)
    return time.monotonic() - begun


def test_nothing_is_asked_before_the_first_look(api: FakeApi, pods: Watched) -> None:
    assert api.asked == []


def test_each_change_is_seen_at_once_and_costs_no_request(api: FakeApi, pods: Watched) -> None:
    assert phases(pods) == {"a": "Pending", "b": "Pending"}
    for items in ([pod("a", "Running"), pod("b")], [pod("b")], [pod("b"), pod("c")]):
        api.objects[PODS]["items"] = items
        assert seen(pods, {item["metadata"]["name"]: item["status"]["phase"] for item in items}) < 1
    assert (api.asked, api.connections) == ([f"GET {PODS}", f"WATCH {PODS}"], 1)


def test_rest_ends_without_news(pods: Watched) -> None:
    pods.items()
    pods.rest(1)  # news of the list
    begun = time.monotonic()
    pods.rest(0.3)
    assert 0.25 < time.monotonic() - begun < 2


def test_a_watch_that_has_ended_is_followed_by_another_over_the_same_connection(
    api: FakeApi, pods: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIFE_SECONDS", 1)
    pods.items()
    time.sleep(1.5)
    api.objects[PODS]["items"] = [pod("a")]
    seen(pods, {"a": "Pending"})
    assert api.asked[:4] == [f"GET {PODS}", f"WATCH {PODS}"] * 2
    assert api.connections == 1


def test_a_watch_that_breaks_off_is_begun_anew(api: FakeApi, pods: Watched) -> None:
    pods.items()
    api.broken.set()
    time.sleep(0.3)
    api.objects[PODS]["items"] = [pod("a")]
    begun = time.monotonic()
    while time.monotonic() - begun < 3:
        try:
            seen(pods, {"a": "Pending"})
            break
        except OSError:  # it is told that the API is gone, and found again
            pods.rest(0.1)
    assert api.connections == 2


def test_a_version_that_is_too_old_is_listed_anew(api: FakeApi, pods: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, errors = api.changes, [{"type": "ERROR", "object": {"kind": "Status", "code": 410}}]

    def changes(target: str) -> Iterator[dict[str, Any]]:
        assert "labelSelector=x&watch=1&resourceVersion=7&timeoutSeconds=60" in target
        if errors:
            yield errors.pop()
        yield from plain(target)

    monkeypatch.setattr(api, "changes", changes)
    pods.items()
    time.sleep(0.3)
    api.objects[PODS]["items"] = [pod("a")]
    seen(pods, {"a": "Pending"})


def test_an_api_that_does_not_answer_is_told_and_asked_again(
    api: FakeApi, pods: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = api.answer
    monkeypatch.setattr(api, "answer", lambda *_: (403, {"message": "not yet"}))
    with pytest.raises(OSError, match="the API answers 403"):
        pods.items()
    monkeypatch.setattr(api, "answer", plain)
    time.sleep(0.5)
    assert phases(pods) == {"a": "Pending", "b": "Pending"}


def test_what_no_waiting_helps_is_told_as_such(pods: Watched, client: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(_path: str) -> None:
        raise HelperError("its certificate ended")

    monkeypatch.setattr(client, "get", get)
    with pytest.raises(HelperError, match="its certificate ended"):
        pods.items()


def test_closed_it_leaves_the_api_to_others_at_once(pods: Watched, client: Api) -> None:
    pods.items()
    time.sleep(0.2)
    begun = time.monotonic()
    pods.close()
    assert time.monotonic() - begun < 1
    assert client.get(PODS) is not None
