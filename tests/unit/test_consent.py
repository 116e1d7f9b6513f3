"""Somebody's word: asked for on a terminal, given by YES and ALLOW elsewhere, and nothing else is taken for it."""

from __future__ import annotations

import io

import pytest

from commands import consent
from fjordkube.errors import FjordkubeError

DANGERS = {"control-plane": ["cp1: its machine nodes-cp1 is replaced"], "all-workers": ["w1: no worker stays as it is"]}


class Typed(io.StringIO):
    """What a person at a terminal types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "YES", "ALLOW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n" * 9))


def types(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", Typed("".join(f"{line}\n" for line in lines)))


def refused(ask: object, *arguments: object) -> str:
    assert callable(ask)
    with pytest.raises(FjordkubeError) as error:
        ask(*arguments)
    assert "othing was changed" in str(error.value)
    return str(error.value)


def test_without_a_terminal_yes_is_needed_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "make up STACK=edge YES=1" in refused(consent.require, "edge")
    monkeypatch.setenv("YES", "1")
    consent.require("edge")
    consent.change("edge", {})


@pytest.mark.parametrize("value", ["", "0", "no", "true"])
def test_no_other_value_is_a_yes(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("YES", value)
    refused(consent.require, "edge")


def test_terminal_of_a_ci_has_nobody_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    types(monkeypatch, "yes", "edge")
    consent.require("edge")
    monkeypatch.setenv("CI", "true")
    refused(consent.require, "edge")
    refused(consent.deletion, "edge")


def test_yes_is_typed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    types(monkeypatch, "yes")
    consent.change("edge", {})
    for answer in ("y", "", "no"):
        types(monkeypatch, answer)
        refused(consent.change, "edge", {})
    types(monkeypatch)  # the terminal was closed
    refused(consent.change, "edge", {})


def test_danger_needs_its_word_beside_the_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YES", "1")
    assert "ALLOW=control-plane,all-workers" in refused(consent.change, "edge", DANGERS)
    monkeypatch.setenv("ALLOW", "control-plane")
    assert refused(consent.change, "edge", DANGERS).startswith("ALLOW: does not hold all-workers; ")
    monkeypatch.setenv("ALLOW", "all-workers, control-plane,etcd-data")
    consent.change("edge", DANGERS)


def test_words_are_typed_on_a_terminal_one_by_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types(monkeypatch, "control-plane", "all-workers", "yes")
    consent.change("edge", DANGERS)
    assert "control-plane: cp1: its machine nodes-cp1 is replaced\n" in capsys.readouterr().out
    for lines in (("yes", "yes", "yes"), ("control-plane", "yes"), ("control-plane", "all-workers", "all-workers")):
        types(monkeypatch, *lines)
        refused(consent.change, "edge", DANGERS)
    monkeypatch.setenv("ALLOW", "control-plane,all-workers")
    types(monkeypatch, "yes")
    consent.change("edge", DANGERS)


def test_deletion_needs_the_stacks_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "make down STACK=edge YES=1 ALLOW=edge" in refused(consent.deletion, "edge")
    types(monkeypatch, "yes")
    refused(consent.deletion, "edge")
    types(monkeypatch, "edge")
    consent.deletion("edge")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv("YES", "1")
    for other in ("", "edge2", "control-plane"):
        monkeypatch.setenv("ALLOW", other)
        refused(consent.deletion, "edge")
    monkeypatch.setenv("ALLOW", "edge")
    consent.deletion("edge")
