"""Finding a source: a cloud whose SDK is not installed is told, with what to install."""

from __future__ import annotations

import importlib.util
import sys
import tomllib

import pytest

from bench.answers import SOURCES
from commands import sdk
from fjordkube.errors import MachineError
from fjordkube.nodes import source
from fjordkube.roots import CHECKOUT
from fjordkube.settings import load

UPCLOUD = {"nodes": {"source": "upcloud"}, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}}


def test_a_missing_sdk_is_one_line_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pulumi_upcloud", None)
    for name in [name for name in sys.modules if name.startswith("fjordkube.nodes.upcloud")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(
        MachineError, match=r"^nodes\.source: upcloud needs the package pulumi_upcloud, .*nodes/upcloud/requ"
    ):
        source.find(load(UPCLOUD))


def test_a_source_needs_an_sdk_where_its_folder_has_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert [name for name in SOURCES if sdk.missing(name)] == ["openstack", "upcloud"]


@pytest.mark.parametrize("name", ["openstack", "upcloud"])
def test_no_run_of_another_source_brings_a_clouds_sdk(name: str) -> None:
    """The engine wants the plugin of each SDK that is installed, whatever the stack needs."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    always = [(CHECKOUT / file).read_text() for file in ("requirements.txt", "offline/requirements.txt")]
    assert f"pulumi-{name}==" in sdk.requirements(name).read_text()
    for text in [*always, *project["dependencies"]]:
        assert f"pulumi-{name}" not in text
