"""The PULUMI_HOME of official plugins: everything of the user's but the engine's log of every run."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import engine, engine_home


def test_a_quiet_home_is_the_users_by_links_but_for_the_log(tmp_path: Path) -> None:
    own, place = tmp_path / "own", tmp_path / "quiet"
    (own / "logs").mkdir(parents=True)
    (own / "logs" / "kept.log").touch()
    (own / "credentials.json").write_text("{}")
    found = engine_home.quiet(own, place)
    assert found == {"PULUMI_HOME": str(place), "PULUMI_CREDENTIALS_PATH": str(own)}
    assert (place / "logs").is_file()
    assert (place / "credentials.json").read_text() == "{}"
    # what the engine downloads is the user's
    (place / "plugins" / "resource-command-v1.2.1").mkdir()
    assert (own / "plugins" / "resource-command-v1.2.1").is_dir()

    (own / "credentials.json").unlink()
    (own / "templates").mkdir()
    engine_home.quiet(own, place)
    assert {entry.name for entry in place.iterdir()} == {"logs", "plugins", "templates"}
    assert (own / "logs" / "kept.log").exists()


@pytest.mark.parametrize(("debug", "place"), [("", "home/official-home"), ("1", "own")])
def test_official_plugins_are_spared_the_log_unless_somebody_looks_for_a_fault(
    debug: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FJORDKUBE_PLUGINS", "official")
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("PULUMI_SDK_DEBUG", debug)
    monkeypatch.setattr(engine, "binary", lambda: Path("/usr/local/bin/pulumi"))
    assert engine.environment()["PULUMI_HOME"] == str(tmp_path / place)
