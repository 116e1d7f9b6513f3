"""A stack file's text: one meaning or one line, and never a traceback."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fjordkube.errors import SettingsError
from fjordkube.roots import CHECKOUT
from fjordkube.settings import load, reading
from tests.generated.mutation import mutated

HEAD = "config:\n  fjordkube:stack:\n"


def settings(text: str) -> Any:
    """What the reader makes of settings that stand at their place, indented by four."""
    return reading.parse((HEAD + text).encode(), "FILE")["config"]["fjordkube:stack"]


def refused(data: bytes | str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        reading.parse(data.encode() if isinstance(data, str) else data, "FILE")
    assert all("\n" not in problem and len(problem) < 300 for problem in error.value.problems)
    return error.value.problems


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("config: {}\n".encode("utf-16"), "FILE: not UTF-8 at byte 0; save it as UTF-8"),
        ("config: {}\n".encode("utf-16-le"), "FILE: byte 1 is no character of text; save it as UTF-8 text"),
        (b"config: {}\n# K\xf8benhavn\n", "FILE: not UTF-8 at byte 14; save it as UTF-8"),
        ("# ø\x07\n".encode(), "FILE: byte 4 is no character of text; remove it"),
        (b"#" * (reading.LARGEST + 1), "FILE: has 1048577 bytes, more than 1048576; this is no stack file"),
    ],
)
def test_what_is_no_utf_8_text_is_told_with_the_byte(data: bytes, problem: str) -> None:
    assert refused(data) == [problem]


def test_utf_8_with_a_byte_order_mark_is_read() -> None:
    assert reading.parse(b"\xef\xbb\xbfconfig: {}\n", "FILE") == {"config": {}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("    demo: &a {}\n    gates: *a\n", "line 3 has an anchor (&)"),
        ("    nodes: &a [*a]\n", "line 3 has an anchor (&)"),
        ("    nodes:\n      workers: *nobody\n", "line 4 has an alias (*)"),
        ("    network: {mtu: !!int abc}\n", "line 3 has a tag (!)"),
        ("    network: {mtu: ! 1500}\n", "line 3 has a tag (!)"),
        ("    demo: !!python/object:os.system {}\n", "line 3 has a tag (!)"),
        ("    demo: " + "[" * 40 + "]" * 40 + "\n", "line 3 is nested deeper than 32 levels"),
        ("    demo: " + "[" * 5000 + "]" * 5000 + "\n", "line 3 is nested deeper than 32 levels"),
        ('    demo: "\\UFFFFFFFF"\n', "not valid YAML at line 3; no such character or number"),
        ("    demo: {}\n---\nconfig: {}\n", "not valid YAML at line 4; but found another document"),
    ],
)
def test_what_yaml_can_say_and_a_stack_file_need_not_is_refused_with_its_line(text: str, problem: str) -> None:
    (line,) = refused(HEAD + text)
    assert line.startswith(f"FILE: {problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ingress: {https_port: 0443}", "ingress.https_port: 0443 at line 3 starts with 0, which some read as octal;"),
        ("ingress: {http_port: 0080}", "ingress.http_port: 0080 at line 3 starts with 0, which some read as octal;"),
        ("ingress: {http_port: 2:15}", "ingress.http_port: 2:15 at line 3 is read as a number to the base 60;"),
        ("ingress: {http_port: 0x50}", "ingress.http_port: 0x50 at line 3 is a number to another base than ten;"),
        ("ingress: {http_port: 0o120}", "ingress.http_port: 0o120 at line 3 is a number to another base than ten;"),
        ("network: {as_number: 64_512}", "network.as_number: 64_512 at line 3 has _ between digits; write 64512,"),
        ("network: {mtu: 15e2}", "network.mtu: 15e2 at line 3 is a number to some readers and text to others;"),
        ("network: {mtu: .inf}", "network.mtu: the value at line 3 is not a plain number;"),
        ("network: {mtu: " + "9" * 5000 + "}", "network.mtu: the value at line 3 has 5000 digits;"),
        ("network: {mtu: -" + "9" * 20 + ".5}", "network.mtu: the value at line 3 has 22 digits;"),
        ("demo: {host: 2024-99-99}", "demo.host: 2024-99-99 at line 3 is read as a date; put it in quotes"),
        ("demo: {host: 2024-01-01 10:00:00}", "demo.host: the value at line 3 is read as a date; put it in quotes"),
        ("nodes: {workers: [w1, 007]}", "nodes.workers[1]: 007 at line 3 starts with 0, which some read as octal;"),
        ("demo: {host: =}", "demo.host: the value at line 3 has a meaning of its own in YAML; put it in quotes"),
        ('demo: {host: "a\\0b"}', "demo.host: the value at line 3 holds a character that cannot be printed; remove it"),
        ('demo: {host: "\\uD800"}', "demo.host: the value at line 3 holds a character that cannot be printed;"),
        ("demo: {on: yes}", "demo: the key on at line 3 is read as true or false; put it in quotes"),
        ("demo: {80: yes}", "demo: the key 80 at line 3 is not text; put it in quotes"),
        ("demo: {~: yes}", "demo: the key the value at line 3 is empty; put it in quotes"),
        ("demo: {<<: {enabled: false}}", "demo: the key the value at line 3 merges mappings, which is not taken;"),
        ("demo: {? [a] : b}", "demo: a key at line 3 is not text; put it in quotes"),
    ],
)
def test_what_two_readers_take_for_different_things_is_refused_with_its_field(text: str, problem: str) -> None:
    (line,) = refused(f"{HEAD}    {text}\n")
    assert line.startswith(problem)


def test_numbers_say_what_to_write() -> None:
    text = "    ingress: {http_port: 0080, https_port: 0443}\n"
    assert [line.split("; ")[1] for line in refused(HEAD + text)] == [
        "write 80, or put it in quotes where it is text",
        "write 443, or put it in quotes where it is text",
    ]


def test_plain_values_keep_the_types_of_the_safe_loader() -> None:
    text = (
        "    a: [1, -2, +3, 0, 1.5, yes, Off, ~, null, text, '0443', \"2024-01-01\", 'on', 10.0.0.0/8, 203.0.113.7]\n"
    )
    assert settings(text) == {
        "a": [
            1,
            -2,
            3,
            0,
            1.5,
            True,
            False,
            None,
            None,
            "text",
            "0443",
            "2024-01-01",
            "on",
            "10.0.0.0/8",
            "203.0.113.7",
        ]
    }


def test_key_that_stands_twice_is_told_with_both_lines() -> None:
    text = "    demo: {}\n    network:\n      mtu: 1500\n      mtu: 1400\n    demo:\n      enabled: false\n"
    assert refused(HEAD + text) == [
        "network.mtu: stands at line 5 and again at line 6; keep one",
        "demo: stands at line 3 and again at line 7; keep one",
    ]
    assert refused("config: {}\nconfig: {}\n") == ["config: stands at line 1 and again at line 2; keep one"]


@pytest.mark.parametrize("value", ["[]", "0", "false", "''", "text"])
def test_settings_that_are_no_mapping_are_refused_not_defaults(value: str) -> None:
    (line,) = refused(f"config:\n  fjordkube:stack: {value}\n")
    assert line.startswith("fjordkube:stack: is not a mapping but ")


@pytest.mark.parametrize("value", ["[]", "0", "false", "''"])
def test_config_that_is_no_mapping_is_refused_not_defaults(value: str) -> None:
    (line,) = refused(f"config: {value}\n")
    assert line.startswith("FILE: `config` is ")
    assert line.endswith("; it is a mapping")


@pytest.mark.parametrize("content", ["[]", "0", "false", "''", "- a"])
def test_file_that_is_no_mapping_is_refused_not_defaults(content: str) -> None:
    (line,) = refused(content)
    assert line.startswith("FILE: holds ")
    assert line.endswith("; a stack file is a mapping with `config:`")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("nodes: {workers: [w1]}\n", "nodes"),
        ("fjordkube:stack: {nodes: {}}\n", "fjordkube:stack"),
        ("config: {nodes: {}}\n", "config.nodes"),
        ("config: {stack: {}}\n", "config.stack"),
        ("config: {fjordkube:stak: {}}\n", "config.fjordkube:stak"),
        ("config: {fjordkube: {stack: {}}}\n", "config.fjordkube"),
        ("Config: {fjordkube:stack: {}}\n", "Config"),
    ],
)
def test_settings_outside_their_place_are_told_where_they_belong(text: str, field: str) -> None:
    (line,) = refused(text)
    assert line.startswith(f"{field}: ")
    assert line.endswith("under `config:` and `fjordkube:stack:`")


def test_what_is_the_engines_and_other_programs_own_is_left_alone() -> None:
    text = "secretsprovider: passphrase\nencryptionsalt: v1:x\nenvironment: [a]\nconfig:\n  aws:region: eu-north-1\n"
    assert reading.parse(text.encode(), "FILE")["config"] == {"aws:region": "eu-north-1"}


def test_file_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        reading.read(tmp_path)


def test_nothing_of_a_pasted_secret_is_repeated() -> None:
    secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
    text = f"    {secret}: 0443\n    demo: {{host: 0x{'ab' * 20}}}\n"
    told = "\n".join(refused(HEAD + text))
    assert secret not in told
    assert "abab" not in told


# --- The engine reads the file by itself -----------------------------------------------------------------------------


def test_load_refuses_what_it_can_see_of_them() -> None:
    itself: dict[str, Any] = {}
    itself |= {"a": itself, "b": [itself, itself]}
    cases: list[tuple[Any, str]] = [
        ({"demo": itself}, "demo.a: contains itself"),
        ({"network": {"mtu": 10**5000}}, "network.mtu: has more than 1000 digits;"),
        ({"network": {"mtu": float("nan")}}, "network.mtu: is not a plain number;"),
        ({"demo": {"host": date(2024, 1, 1)}}, "demo.host: is of a type that no setting has (date);"),
        ({"demo": {"host": "\ud800"}}, "demo.host: holds a character that cannot be printed;"),
        ({"nodes": {"pools": [{"name": "w", "count": 1, "labels": {True: True}}]}}, "nodes.pools[0].labels: has a key"),
        ([], "fjordkube:stack: is not a mapping but a list;"),
    ]
    for raw, problem in cases:
        with pytest.raises(SettingsError) as error:
            load(raw)
        assert error.value.problems[0].startswith(problem), (error.value.problems, problem)


# --- Whatever stands there -------------------------------------------------------------------------------------------


def _told(data: bytes) -> list[str]:
    try:
        content = reading.parse(data, "FILE")
        load((content.get("config") or {}).get("fjordkube:stack"))
    except SettingsError as error:
        return error.problems
    return []


def test_no_mutation_of_the_examples_ends_in_a_traceback() -> None:
    chance = random.Random(14)
    files = [path.read_text() for path in sorted((CHECKOUT / "stacks").glob("Pulumi.*.yaml"))]
    refusals = 0
    for _ in range(400):
        data = mutated(chance.choice(files), chance)
        told = _told(data)
        refusals += bool(told)
        assert all("\n" not in problem and problem.isprintable() for problem in told), (data, told)
    assert refusals > 200
