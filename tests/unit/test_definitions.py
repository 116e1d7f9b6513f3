"""Where Calico's definitions come from, and what is said where they cannot be had."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from fjordkube.errors import DefinitionsMissing
from fjordkube.network import definitions
from fjordkube.network.definitions import MEMBER, MODULE, Definitions, fetched, pinned
from fjordkube.versions import CALICO, DEFAULT_CALICO

TEXT = b"kind: CustomResourceDefinition\n"
SUM = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What is there to be fetched, by address; what was asked for and is not there is None in the end."""
    there: dict[str, bytes] = {}
    monkeypatch.setattr(definitions, "cache_root", lambda: tmp_path)
    monkeypatch.setattr(definitions, "module_proxy", lambda: "https://proxy.example")
    monkeypatch.setattr(definitions, "_get", lambda address, _seconds: there.get(address))
    return there


def module() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(f"{MODULE}@v1/{MEMBER}", TEXT)
    return written.getvalue()


def test_a_module_has_the_file_where_one_is_served(asked: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_SOURCE", "build")
    asked[f"https://proxy.example/{MODULE}/@v/v1.zip"] = module()
    assert fetched(Definitions(SUM, "v1"), "v3.28.5") == TEXT
    asked.clear()
    assert fetched(Definitions(SUM, "v1"), "v3.28.5") == TEXT, "from the cache"


def test_calicos_repository_is_asked_at_the_releases_tag(
    asked: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where packages alone are to be used too: no registry has it."""
    monkeypatch.setenv("FJORDKUBE_SOURCE", "build")
    asked["https://raw.githubusercontent.com/projectcalico/calico/v3.32.2/manifests/crds.yaml"] = TEXT
    assert fetched(Definitions(SUM), "v3.32.2") == TEXT


def test_a_file_of_another_checksum_is_not_taken(asked: dict[str, bytes]) -> None:
    asked["https://raw.githubusercontent.com/projectcalico/calico/v3.32.2/manifests/crds.yaml"] = TEXT + b" "
    with pytest.raises(DefinitionsMissing) as caught:
        fetched(Definitions(SUM), "v3.32.2")
    assert "Calico's repository: another file than was pinned; put manifests/crds.yaml of that" in str(caught.value)
    assert "GOPROXY" not in str(caught.value), "no module proxy has it"


def test_what_is_missing_names_every_source(asked: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FJORDKUBE_SOURCE", raising=False)
    with pytest.raises(DefinitionsMissing) as caught:
        fetched(Definitions(SUM, "v1"), "v3.28.5")
    for part in ("Calico's repository: no answer", "the Go module proxy: no answer", "set GOPROXY", SUM[:16]):
        assert part in str(caught.value)


def test_every_version_is_pinned_and_the_default_has_a_module() -> None:
    assert all(len(pinned(version).sha256) == 64 for version in CALICO)
    assert pinned(DEFAULT_CALICO).module_version
