"""Property values on the wire, and where two trees of them differ."""

from __future__ import annotations

from typing import Any

import pytest

from offline.plugins.differences import covers, differences, parse_path, path_text, response
from offline.plugins.protocol import provider_pb2
from offline.plugins.values import UNKNOWN, decode, encode, has_secret, has_unknown, plain, secret


@pytest.mark.parametrize(
    "value",
    [{}, {"a": [1, "x", None, True, 2.5, {}, []]}, {"b": {"c": UNKNOWN}}, {"s": secret({"t": [secret("u")]})}],
)
def test_values_survive_the_wire(value: dict[str, Any]) -> None:
    assert decode(encode(value)) == value


def test_whole_numbers_come_back_as_integers() -> None:
    assert repr(decode(encode({"replicas": 3.0}))) == "{'replicas': 3}"


def test_plain_removes_marks_at_every_depth_and_secret_marks_once() -> None:
    value = {"a": secret({"b": [secret("x")]}), "c": secret(secret(1))}
    assert plain(value) == {"a": {"b": ["x"]}, "c": 1}
    assert has_secret(value)
    assert not has_secret(plain(value))


def test_unknowns_are_found_inside_secrets() -> None:
    assert has_unknown({"a": secret([UNKNOWN])})
    assert not has_unknown({"a": secret(["known"])})


def test_differences_are_the_deepest_paths() -> None:
    old = {"spec": {"containers": [{"image": "a", "args": ["x"]}], "gone": 1}}
    new = {"spec": {"containers": [{"image": "b", "args": ["x", "y"]}], "here": {"k": 1}}}
    found = {path_text(path): kind for path, kind in differences(old, new)}
    assert found == {
        "spec.containers[0].args[1]": "ADD",
        "spec.containers[0].image": "UPDATE",
        "spec.gone": "DELETE",
        "spec.here": "ADD",
    }


def test_true_is_not_one() -> None:
    assert list(differences({"a": True}, {"a": 1})) == [(("a",), "UPDATE")]


@pytest.mark.parametrize("text", ["a", "a.b[0].c", 'metadata.annotations["a.b/c"]', 'a["x.y"].z[3]'])
def test_paths_are_written_as_they_are_read(text: str) -> None:
    assert path_text(parse_path(text)) == text


def test_a_star_covers_any_step() -> None:
    assert covers(parse_path("triggers[*]"), ("triggers", 3))
    assert not covers(("a", "b"), ("a",))


def test_ignored_paths_leave_no_change() -> None:
    found = list(differences({"a": {"b": 1}, "c": 1}, {"a": {"b": 2}, "c": 2}))
    answer = response(found, lambda path: path[0] == "c", ["a"])
    assert dict(answer.detailedDiff) == {"c": provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.UPDATE_REPLACE)}
    assert list(answer.replaces) == ["c"]
    none = response(found, lambda _: False, ["a", "c"])
    assert none.changes == provider_pb2.DiffResponse.DIFF_NONE
