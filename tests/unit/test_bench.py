"""What benches write: the picture, the table, and the verdict on the bar."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bench import answers, plot, scale
from bench.project import Project, Run
from commands.engine import binary
from offline import binaries

SVG = "{http://www.w3.org/2000/svg}"


def test_a_pretended_kubeconfig_can_be_read_by_a_client_that_checks_it() -> None:
    """Go's client refuses what is no PEM, or a key that is not the certificate's, before it asks anybody."""
    (user,) = [entry["user"] for entry in yaml.safe_load(answers.kubeconfig())["users"]]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    key = load_pem_private_key(base64.b64decode(user["client-key-data"]), None)
    assert certificate.public_key() == key.public_key()


@pytest.mark.parametrize(("choice", "home"), [("official", "official-home"), ("standin", "plugins")])
def test_previews_run_with_the_plugins_that_the_commands_would_take(
    choice: str, home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "bin" / "pulumi"
    engine.parent.mkdir()
    engine.write_text("#!/bin/sh\nenv > said\necho salt > Pulumi.bench.yaml\n")
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine.parent}:/usr/bin:/bin")
    monkeypatch.setenv("FJORDKUBE_PLUGINS", choice)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "users"))
    monkeypatch.setattr(binaries, "path", lambda _: engine)
    binary.cache_clear()
    try:
        Project(tmp_path / "project").time_preview()
    finally:
        binary.cache_clear()
    said = (tmp_path / "project" / "said").read_text()
    assert f"PULUMI_HOME={tmp_path / 'project' / home}\n" in said
    assert ("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" in said) == (choice == "standin")


def test_every_run_is_a_dot_and_the_bar_a_line() -> None:
    drawn = ElementTree.fromstring(plot.dots({"a < b": [5.0, 6.0, 7.5], "c": [14.0]}, 15.0))
    dots = [float(dot.get("cx", "")) for dot in drawn.iter(f"{SVG}circle")]
    assert len(dots) == 4
    assert dots[0] < dots[1] < dots[2] < dots[3] < plot.WIDTH
    texts = [text.text for text in drawn.iter(f"{SVG}text")]
    assert "a < b" in texts
    assert "median 6.0 s, 3 runs" in texts
    assert "bar 15 s" in texts


def test_a_run_beyond_the_bar_lies_beyond_its_line() -> None:
    drawn = ElementTree.fromstring(plot.dots({"a": [40.0]}, 15.0))
    bar = next(float(line.get("x1", "")) for line in drawn.iter(f"{SVG}line") if line.get("stroke") == "#b33")
    assert bar < next(float(dot.get("cx", "")) for dot in drawn.iter(f"{SVG}circle")) < plot.WIDTH


class Clock:
    """A project whose previews take as long as they are told to."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)

    def time_preview(self) -> float:
        return self.seconds.pop(0)


@pytest.mark.parametrize(("slowest", "code"), [(14.9, 0), (15.1, 1)])
def test_one_run_beyond_the_bar_is_a_failure_and_figures_are_kept(
    slowest: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepared(*_: Any) -> tuple[Any, Run]:
        operations = {"stack": "same", "w1": "create", "w2": "create"}
        return Clock(5.0, slowest), Run(9.0, operations, {**operations, "stack": "pulumi:pulumi:Stack"}, {})

    monkeypatch.setattr(scale, "prepared", prepared)
    assert scale.main(["--runs", "2", "--source", "local", "--results", str(tmp_path)]) == code
    found = json.loads((tmp_path / "scale.json").read_text())
    assert found["scenarios"]["local: 100 from nothing"]["seconds"] == [5.0, slowest]
    assert found["scenarios"]["local: one more than 100"]["changed"] == {"create": 2}
    assert {"date", "processor", "cores", "kernel"} <= set(found["machine"])
    assert (tmp_path / "scale.svg").exists()
    assert ("missed" in capsys.readouterr().out) == bool(code)


def test_an_engine_that_is_not_built_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("FJORDKUBE_SOURCE", "build")
    assert scale.main(["--results", str(tmp_path)]) == 1
    assert "python -m offline build pulumi" in capsys.readouterr().err
    assert not (tmp_path / "scale.json").exists()
    with pytest.raises(Exception, match="python -m offline build pulumi"):
        Project(tmp_path / "project")
