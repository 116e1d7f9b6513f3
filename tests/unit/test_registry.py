"""Images out of a registry: chosen, verified, resumed; each fault is one line. Through a proxy, with TLS."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fjordkube.helpers.artifacts import archive
from offline import archives, registry, transfer
from offline.archives import Archive
from offline.command import BuildError
from offline.registry import Place, Pulled
from tests.unit import registry_server
from tests.unit.registry_server import Hub
from tests.unit.ssh_server import free_port

REFERENCE = "registry.k8s.io/pause:3.10.2"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with registry_server.running(tmp_path / "hub") as found:
        monkeypatch.setenv("HTTPS_PROXY", found.proxy)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(found.certificate))
        for name in ("https_proxy", "no_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield found


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waited between tries."""
    found: list[float] = []
    monkeypatch.setattr(transfer, "time", type("Clock", (), {"sleep": found.append}))
    return found


def pull(tmp_path: Path, listed: str = "") -> Pulled:
    return registry.pull(REFERENCE, listed, "amd64", tmp_path / "cache")


def refused(tmp_path: Path, listed: str = "") -> str:
    with pytest.raises(BuildError) as caught:
        pull(tmp_path, listed)
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).startswith(f"{REFERENCE}: ")
    return str(caught.value)


def look(pulled: Pulled, target: Path) -> archive.Inside:
    archives.write(target, REFERENCE, pulled.image, pulled.parts, "amd64")
    with target.open("rb") as file:
        return archive.look(file, "amd64")


@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_of_an_index_the_one_architecture_comes_once_through_the_proxy(hub: Hub, tmp_path: Path, kind: str) -> None:
    index = hub.image("pause", "3.10.2", kind)
    pulled = pull(tmp_path, index)
    assert set(hub.through) == {"registry.k8s.io:443"}
    assert pulled.bytes_got > 0
    target = tmp_path / "pause.tar"
    inside = look(pulled, target)
    assert inside.problems == ()
    assert inside.digests == {REFERENCE: pulled.image.digest}
    assert pulled.image.digest != index
    with target.open("rb") as file:
        kept = Archive(file).image
    assert registry_server.digest(kept.index or b"") == index
    assert kept.manifest == hub.manifests[f"pause@{pulled.image.digest}"]

    before = len(hub.asked)
    again = pull(tmp_path, index)
    assert (again.image, again.bytes_got, len(hub.asked)) == (pulled.image, 0, before)


def test_without_a_listed_digest_the_first_answer_is_remembered(hub: Hub, tmp_path: Path) -> None:
    hub.image("pause", "3.10.2")
    first = pull(tmp_path)
    hub.image("pause", "3.10.2", "docker")
    assert pull(tmp_path).image == first.image


def test_a_tag_of_a_manifest_alone_has_no_index(hub: Hub, tmp_path: Path) -> None:
    listed = hub.image("pause", "3.10.2", architectures=("amd64",), bare=True)
    pulled = pull(tmp_path, listed)
    assert (pulled.image.digest, pulled.image.index) == (listed, None)
    assert look(pulled, tmp_path / "pause.tar").problems == ()


def test_an_index_that_does_not_name_the_manifest_is_told(hub: Hub, tmp_path: Path) -> None:
    hub.image("pause", "3.10.2")
    pulled = pull(tmp_path)
    other = archives.Image(pulled.image.descriptor, pulled.image.manifest, b'{"schemaVersion": 2, "manifests": []}')
    (problem,) = look(Pulled(other, pulled.parts, 0), tmp_path / "pause.tar").problems
    assert problem.endswith(f"does not name {pulled.image.digest}")


def test_another_image_under_the_tag_is_not_used(hub: Hub, tmp_path: Path) -> None:
    found = hub.image("pause", "3.10.2")
    listed = "sha256:" + "0" * 64
    assert f"is {found}, and the list says {listed}; not used" in refused(tmp_path, listed)
    assert hub.asked == ["GET /v2/pause/manifests/3.10.2"]
    assert not (tmp_path / "cache").exists()


def test_no_image_of_the_architecture(hub: Hub, tmp_path: Path) -> None:
    hub.image("pause", "3.10.2", architectures=("arm64",))
    assert "there is none for linux/amd64; " in refused(tmp_path)


def test_a_bare_manifest_of_another_architecture_is_told(hub: Hub, tmp_path: Path) -> None:
    hub.image("pause", "3.10.2", architectures=("arm64",), bare=True)
    assert "an image for arm64, and amd64 is wanted" in refused(tmp_path)


def test_a_blob_with_another_content_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.image("pause", "3.10.2")
    hub.faults["/blobs/"] = ["other"]
    assert re.search(r"came as sha256:\w+, and sha256:\w+ was asked for; it was thrown away; ", refused(tmp_path))
    blobs = list((tmp_path / "cache/blobs/sha256").iterdir())
    assert all(registry_server.digest(blob.read_bytes()) == f"sha256:{blob.name}" for blob in blobs)
    assert look(pull(tmp_path), tmp_path / "pause.tar").problems == ()


@pytest.mark.parametrize("path", ["/manifests/sha256", "/manifests/3"])
def test_a_manifest_with_another_content_is_refused(hub: Hub, tmp_path: Path, path: str) -> None:
    index = hub.image("pause", "3.10.2")
    hub.faults[path] = ["other"]
    refused(tmp_path, index)
    assert pull(tmp_path, index).image.index


@pytest.mark.parametrize("fault", ["429", "500", "503", "cut"])
@pytest.mark.parametrize("path", ["/manifests/", "/blobs/"])
def test_a_busy_registry_is_asked_again_and_a_cut_line_taken_up(
    hub: Hub, tmp_path: Path, pauses: list[float], fault: str, path: str
) -> None:
    hub.image("pause", "3.10.2")
    hub.faults[path] = [fault, fault]
    assert look(pull(tmp_path), tmp_path / "pause.tar").problems == ()
    # what the registry asks for (Retry-After: 3) counts where it is longer
    assert pauses == ([1.0, 2.0] if fault == "cut" else [3.0, 3.0])


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("429", "is answered 429 Too Many Requests (4 tries); run it again later"),
        ("500", "is answered 500 Internal Server Error (4 tries); run it again later"),
        ("cut", "the connection failed or was cut ("),
    ],
)
def test_what_stays_so_is_told_after_bounded_tries(
    hub: Hub, tmp_path: Path, pauses: list[float], fault: str, told: str
) -> None:
    hub.image("pause", "3.10.2")
    hub.faults["/blobs/"] = [fault] * 50
    assert told in refused(tmp_path)
    assert len(pauses) == transfer.TRIES - 1


@pytest.mark.parametrize("code", ["401", "403", "token"])
def test_a_login_that_is_wanted_is_told_at_once(hub: Hub, tmp_path: Path, pauses: list[float], code: str) -> None:
    hub.image("pause", "3.10.2")
    if code == "token":
        hub.login = "somebody:else"
    else:
        hub.faults["/manifests/"] = [code] * 50
    assert "wants a login, or another one (" in refused(tmp_path)
    assert pauses == []


def test_no_such_tag(hub: Hub, tmp_path: Path) -> None:
    assert "is not there (404); correct its name or version" in refused(tmp_path)


def test_silence_ends(hub: Hub, tmp_path: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "SILENCE", 0.3)
    hub.faults["/manifests/"] = ["hang"] * 50
    assert "no answer (" in refused(tmp_path)
    assert len(pauses) == transfer.TRIES - 1


def test_a_certificate_that_nobody_knows_is_told(
    hub: Hub, tmp_path: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    other, _ = registry_server.certify(tmp_path / "other")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert "its certificate is not trusted (" in refused(tmp_path)
    assert pauses == []


def test_a_proxy_that_is_not_there_is_told(
    hub: Hub, tmp_path: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    assert "the proxy does not lead there (" in refused(tmp_path)


def test_a_page_in_between_is_no_registry(hub: Hub, tmp_path: Path) -> None:
    hub.manifests["pause@3.10.2"] = b"<html>log in here</html>"
    assert "; look at what stands between: a proxy" in refused(tmp_path)


# --- Pushing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def packed(hub: Hub, tmp_path: Path) -> Path:
    hub.image("pause", "3.10.2")
    pulled = pull(tmp_path)
    archives.write(tmp_path / "pause.tar", REFERENCE, pulled.image, pulled.parts, "amd64")
    hub.asked.clear()
    hub.blobs.clear()
    hub.manifests.clear()
    return tmp_path / "pause.tar"


def push(packed: Path, place: Place) -> int:
    with packed.open("rb") as file:
        return registry.push(Archive(file), REFERENCE, place)


def test_an_image_is_pushed_once_with_a_token_for_the_login(hub: Hub, packed: Path) -> None:
    hub.login = "robot:hunter2"
    place = Place(hub.host, "k8s", login="robot:hunter2", ca_file=str(hub.certificate))
    assert push(packed, place) > 0
    with packed.open("rb") as file:
        image = Archive(file).image
    assert hub.manifests["k8s/registry.k8s.io/pause@3.10.2"] == image.manifest
    assert {str(part["digest"]) for part in image.parts} == set(hub.blobs)
    hub.asked.clear()
    assert push(packed, place) == 0
    assert {line.split()[0] for line in hub.asked} <= {"HEAD", "GET"}
    assert not [line for line in hub.asked if "hunter2" in line]


def test_of_a_push_that_was_cut_only_the_rest_is_sent(hub: Hub, packed: Path, pauses: list[float]) -> None:
    hub.faults["/blobs/uploads/one"] = ["500"]
    place = Place(hub.host, ca_file=str(hub.certificate))
    push(packed, place)
    assert len(pauses) == 1
    hub.manifests.clear()
    hub.asked.clear()
    assert push(packed, place) > 0
    assert [line.split("?")[0] for line in hub.asked if line.startswith("P")] == [
        "PUT /v2/registry.k8s.io/pause/manifests/3.10.2"
    ]


@pytest.mark.parametrize("login", ["", "robot:wrong"])
def test_a_registry_that_wants_another_login_says_what_to_set(hub: Hub, packed: Path, login: str) -> None:
    hub.login = "robot:hunter2"
    with pytest.raises(BuildError) as caught:
        push(packed, Place(hub.host, login=login, ca_file=str(hub.certificate)))
    assert str(caught.value) == (
        f"{hub.host}: {REFERENCE}: wants a login, or another one (401); "
        "set REGISTRY_LOGIN=user:password in the environment, of a user that may write there"
    )


def test_a_real_registry_takes_an_image_and_gives_it_back(
    hub: Hub, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed (Debian package docker-registry)")
    port = free_port()
    configuration = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "store")}},
        "http": {
            "addr": f"127.0.0.1:{port}",
            "tls": {"certificate": str(hub.certificate), "key": str(hub.key)},
        },
    }
    (tmp_path / "registry.yml").write_text(json.dumps(configuration))
    place = Place(f"127.0.0.1:{port}", "k8s", ca_file=str(hub.certificate))
    with subprocess.Popen([program, "serve", str(tmp_path / "registry.yml")], stderr=subprocess.DEVNULL) as process:
        try:
            monkeypatch.setattr(transfer, "TRIES", 8)
            assert push(packed, place) > 0
            assert push(packed, place) == 0
            reference = f"127.0.0.1:{port}/k8s/{REFERENCE}"
            back = registry.pull(reference, "", "amd64", tmp_path / "back")
        finally:
            process.terminate()
    with packed.open("rb") as file:
        assert back.image.manifest == Archive(file).image.manifest
    assert all(registry_server.digest(path.read_bytes()) == digest for digest, path in back.parts.items())


# --- Files ----------------------------------------------------------------------------------------------------------

URL = "https://dl.k8s.io/release/v1.37.1/bin/linux/amd64/kubelet"
CONTENT = bytes(range(256)) * 4000


def fetched(tmp_path: Path) -> bool:
    sha256 = registry_server.digest(CONTENT).partition(":")[2]
    came = transfer.download(URL, sha256, tmp_path / "kubelet")
    assert (tmp_path / "kubelet").read_bytes() == CONTENT
    assert not (tmp_path / "kubelet.part").exists()
    return came


@pytest.mark.parametrize("plan", [["cut"], ["429", "cut"], ["500", "500", "503"]])
def test_a_cut_download_goes_on_and_what_is_there_is_not_asked_for(
    hub: Hub, tmp_path: Path, pauses: list[float], plan: list[str]
) -> None:
    hub.files[URL.partition("://")[2]] = CONTENT
    hub.faults["/kubelet"] = list(plan)
    assert fetched(tmp_path)
    assert len(pauses) == len(plan)
    count = len(hub.asked)
    assert not fetched(tmp_path)
    assert len(hub.asked) == count


def test_a_later_run_goes_on_where_the_first_ended(hub: Hub, tmp_path: Path, pauses: list[float]) -> None:
    # its beginning is not taken from here again
    hub.files[URL.partition("://")[2]] = b"x" * 700000 + CONTENT[700000:]
    (tmp_path / "kubelet.part").write_bytes(CONTENT[:700000])
    assert fetched(tmp_path)


def test_what_is_longer_than_the_file_is_begun_again(hub: Hub, tmp_path: Path, pauses: list[float]) -> None:
    hub.files[URL.partition("://")[2]] = CONTENT
    (tmp_path / "kubelet.part").write_bytes(b"x" * (len(CONTENT) + 3))
    assert fetched(tmp_path)


def test_another_file_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.files[URL.partition("://")[2]] = b"another"
    with pytest.raises(BuildError, match=rf"^{URL}: SHA-256 \w+, and the list says \w+; it was thrown away: look at"):
        fetched(tmp_path)
    assert list(tmp_path.glob("kubelet*")) == []
