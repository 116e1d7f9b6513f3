"""Finding a source: a cloud whose SDK is not installed is told, with what to install."""

from __future__ import annotations

import sys
import tomllib

import pytest

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
        MachineError, match=r"^nodes\.source: upcloud needs the package pulumi_upcloud, .*requirements-up"
    ):
        source.find(load(UPCLOUD))


@pytest.mark.parametrize("name", ["existing", "local", "vendor_cli"])
def test_other_sources_need_no_sdk(name: str) -> None:
    assert not sdk.missing(name)


@pytest.mark.parametrize("name", sorted(sdk.MODULES))
def test_no_run_of_another_source_brings_a_clouds_sdk(name: str) -> None:
    """The engine wants the plugin of each SDK that is installed, whatever the stack needs."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    always = [(CHECKOUT / file).read_text() for file in ("requirements.txt", "offline/requirements.txt")]
    own = (CHECKOUT / f"requirements-{name}.txt").read_text()
    package = sdk.MODULES[name].replace("_", "-")
    assert f"{package}==" in own
    for text in [*always, *project["dependencies"]]:
        assert package not in text
