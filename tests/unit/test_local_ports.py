"""Host ports of machines: pinned, kept, or chosen once; and who holds which."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.local_vm import ports, record
from fjordkube.helpers.local_vm.record import Made


def free(_port: int) -> bool:
    return False


def choose(
    wanted: dict[str, int | None], kept: dict[str, int] | None = None, taken: Callable[[int], bool] = free
) -> dict[str, int]:
    return ports.choose(wanted, kept or {}, taken, "key")


def test_pinned_port_is_taken_as_it_is() -> None:
    assert choose({"ssh": 2201, "http": None})["ssh"] == 2201


def test_kept_port_stays_even_where_it_is_in_use_by_the_machine_itself() -> None:
    assert choose({"ssh": None}, {"ssh": 20500}, taken=lambda port: port == 20500) == {"ssh": 20500}


def test_kept_port_gives_way_to_a_pin_of_the_same_machine() -> None:
    chosen = choose({"ssh": 20500, "http": None}, {"ssh": 20001, "http": 20500})
    assert chosen["ssh"] == 20500
    assert chosen["http"] != 20500


def test_chosen_ports_are_the_same_again_and_different_from_each_other_and_from_taken_ones() -> None:
    first = choose({"ssh": None, "http": None, "https": None})
    assert first == choose({"https": None, "http": None, "ssh": None})
    assert len(set(first.values())) == 3
    assert all(ports.FIRST <= port < ports.FIRST + ports.COUNT for port in first.values())
    second = choose({"ssh": None, "http": None, "https": None}, taken=lambda port: port in first.values())
    assert not set(first.values()) & set(second.values())


def test_search_goes_round_to_the_last_free_port_and_then_gives_up() -> None:
    assert choose({"ssh": None}, taken=lambda port: port != ports.FIRST + 5) == {"ssh": ports.FIRST + 5}
    with pytest.raises(HelperError, match=r"^ports: none free from 20000 to 31999; "):
        choose({"ssh": None}, taken=lambda _port: True)


def test_port_with_a_listener_is_in_use() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert ports.in_use(port)
    assert not ports.in_use(port)


def machine(folder: Path, port: int) -> Path:
    folder.mkdir(parents=True)
    record.write_made(folder, Made(1, 12, 0, {"ssh": port}))
    return folder


def test_claim_replaces_the_machines_own_ports_and_leaves_others(tmp_path: Path) -> None:
    claims = tmp_path / "cache" / "ports.json"
    first, second = machine(tmp_path / "w1", 20001), machine(tmp_path / "w2", 20002)
    ports.claim(claims, first, {"ssh": 20001})
    ports.claim(claims, second, {"ssh": 20002})
    assert ports.owners(claims) == {20001: first, 20002: second}
    record.write_made(first, Made(1, 12, 0, {"ssh": 20003}))
    ports.claim(claims, first, {"ssh": 20003})
    assert ports.owners(claims) == {20002: second, 20003: first}
    ports.claim(claims, first, {})
    assert ports.owners(claims) == {20002: second}


def test_claims_of_machines_that_are_gone_are_dropped(tmp_path: Path) -> None:
    claims = tmp_path / "ports.json"
    gone, other = machine(tmp_path / "w1", 20001), machine(tmp_path / "w2", 20002)
    ports.claim(claims, gone, {"ssh": 20001})
    ports.claim(claims, other, {"ssh": 20002})
    (gone / "machine.json").unlink()
    assert ports.owners(claims) == {20002: other}
    ports.claim(claims, other, {"ssh": 20002})
    assert list(json.loads(claims.read_text())) == ["20002"]


def test_claim_on_a_port_that_the_machine_no_longer_has_is_dropped(tmp_path: Path) -> None:
    claims = tmp_path / "ports.json"
    moved = machine(tmp_path / "w1", 20001)
    ports.claim(claims, moved, {"ssh": 20001})
    record.write_made(moved, Made(1, 12, 0, {"ssh": 20009}))
    assert ports.owners(claims) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"x": "/srv/w1"}', '{"20001": null}'])
def test_broken_note_of_claims_counts_as_none(tmp_path: Path, text: str) -> None:
    claims = tmp_path / "ports.json"
    claims.write_text(text)
    assert ports.owners(claims) == {}
