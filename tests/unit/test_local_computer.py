"""Which computer this is and where its files are: ids that stay, the homes of a checkout and of the package."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from commands import preparation
from commands.engine import Engine
from fjordkube.errors import MachineError
from fjordkube.helpers import roots
from fjordkube.helpers.local_vm import computer

ID = "3d1219c7c4c5404aaa1f6d2a48adfda4"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(computer, "MACHINE_ID", tmp_path / "machine-id")
    return tmp_path / "home"


def test_id_follows_the_systems_and_does_not_tell_it(home: Path, tmp_path: Path) -> None:
    (tmp_path / "machine-id").write_text(f"{ID}\n")
    first = computer.here()
    assert len(first) == computer.DIGITS
    assert first[:8] not in ID
    assert computer.here() == first
    (tmp_path / "machine-id").write_text("4" + ID[1:])
    assert computer.here() != first
    assert not home.exists()


@pytest.mark.parametrize("text", [None, "", "uninitialized\n"])
def test_where_the_system_has_no_id_the_home_keeps_one(home: Path, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "machine-id").write_text(text)
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _number: computer.here(), range(8)))
    assert len(found) == 1
    assert [path.name for path in home.iterdir()] == ["computer"]
    (home / "computer").unlink()
    assert computer.here() not in found


@pytest.mark.parametrize("there", [set(), {"here"}, {"elsewhere"}, {"here", "elsewhere"}])
def test_stack_whose_machines_are_elsewhere_is_refused_in_one_line(
    there: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(computer, "here", lambda: "here")
    monkeypatch.setattr(Engine, "computers", lambda _engine: there)
    monkeypatch.setattr(Engine, "forgetting", lambda _engine: "rm state")
    engine = Engine("lab", tmp_path)
    if there <= {"here"}:
        preparation.machines_here(engine)
        return
    with pytest.raises(MachineError) as refused:
        preparation.machines_here(engine)
    assert str(refused.value) == (
        f"nodes.source: local, and the machines of stack lab are on computer {' and '.join(sorted(there))}, while this "
        "is here; run on that computer, or, if it is gone, forget the stack: rm state"
    )


def test_another_backend_is_asked_and_told_how_to_forget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://fjord-state")
    answer = '{"deployment": {"resources": [{"inputs": {"environment": {"MACHINE_COMPUTER": "abc"}}}]}}'

    class Done:
        returncode = 0
        stdout = answer

    def call(_engine: Engine, *words: str, **_options: Any) -> Any:
        assert words[:2] == ("stack", "export")
        return Done()

    monkeypatch.setattr(Engine, "call", call)
    engine = Engine("lab", tmp_path)
    assert engine.computers() == {"abc"}
    assert engine.forgetting() == "pulumi stack rm --force lab"


def test_installed_package_keeps_its_home_with_the_user_and_a_checkout_with_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FJORDKUBE_HOME")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert roots.home_root() == roots.CHECKOUT / ".fjordkube"
    monkeypatch.setattr(roots, "CHECKOUT", tmp_path / "site-packages")
    assert roots.home_root() == Path.home() / ".local" / "state" / "fjordkube"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert roots.home_root() == tmp_path / "state" / "fjordkube"
    monkeypatch.setenv("FJORDKUBE_HOME", os.fspath(tmp_path / "mine"))
    assert roots.home_root() == tmp_path / "mine"
