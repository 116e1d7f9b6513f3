"""The API over one kept connection: how often it is made, and what an answer means."""

from __future__ import annotations

import base64
import subprocess
import time
from pathlib import Path

import pytest

from fjordkube.helpers import api as module
from fjordkube.helpers.api import Api, ends
from fjordkube.helpers.errors import HelperError
from tests.unit.helpers.fakes import FakeApi, make_certificate, serving


@pytest.fixture
def client(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(module, "RETRY_PAUSE", 0.0)
    return Api(api.kubeconfig(), tmp_path)


def test_many_requests_make_one_connection(api: FakeApi, client: Api) -> None:
    api.nodes.add("w1")
    assert [client.node_exists(name) for name in ("w1", "w2", "w1")] == [True, False, True]
    assert api.connections == 1


def test_a_connection_that_the_server_ended_is_made_anew(api: FakeApi, client: Api) -> None:
    api.keep = False
    for _ in range(3):
        assert not client.node_exists("w1")
    assert len(api.asked) == 3


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    api: FakeApi, client: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.node_exists("w1")
    monkeypatch.setattr(module, "IDLE_SECONDS", -1)
    client.node_exists("w1")
    assert api.connections == 2


def test_a_dead_api_is_an_error_with_its_address(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_PAUSE", 0.0)
    with pytest.raises(OSError, match=r"the API at 127\.0\.0\.1:1 does not answer"):
        Api(api.kubeconfig(port=1), tmp_path).get("/readyz")


def test_nothing_there_is_none_and_a_refusal_is_not(api: FakeApi, client: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/api/v1/nodes/w1") is None
    monkeypatch.setattr(api, "answer", lambda *_: (403, {"message": "not you"}))
    with pytest.raises(OSError, match=r"answers 403 when asked for /api/v1/nodes/w1: not you"):
        client.get("/api/v1/nodes/w1")


def test_a_busy_api_is_asked_again(api: FakeApi, client: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [503, 429, 200]
    monkeypatch.setattr(api, "answer", lambda *_: (codes.pop(0), {}))
    assert client.request("GET", "/readyz") == (200, {})


def test_the_clients_key_does_not_stay_in_a_file(client: Api, tmp_path: Path) -> None:
    assert client.host == "127.0.0.1"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# --- Certificates ----------------------------------------------------------------------------------------------------


def lasting(folder: Path, days: int) -> str:
    """Another certificate of the key in `folder`, which ends in so many days (or ended, -1), as PEM."""
    request, names = folder / "request.pem", folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1\n")
    key = ["-key", str(folder / "key.pem")]
    subprocess.run(["openssl", "req", "-new", *key, "-subj", "/CN=other", "-out", str(request)], check=True)
    sign = ["openssl", "x509", "-req", "-in", str(request), "-signkey", str(folder / "key.pem"), "-days", str(days)]
    sign += ["-extfile", str(names)]
    return subprocess.run(sign, check=True, capture_output=True, text=True).stdout


def kubeconfig_of(api: FakeApi, certificate: str) -> str:
    own = base64.b64encode((api.folder / "ca.pem").read_bytes()).decode()
    before, line, after = api.kubeconfig().partition(f"client-certificate-data: {own}")
    assert line
    return f"{before}client-certificate-data: {base64.b64encode(certificate.encode()).decode()}{after}"


@pytest.mark.parametrize("days", [-1, 1, 400, 365 * 40])  # after 2049 dates have another form
def test_end_of_a_certificate_is_read(api: FakeApi, days: int) -> None:
    end = ends(lasting(api.folder, days))
    assert end is not None
    assert abs(end - time.time() - days * 86400) < 60
    assert ends("no certificate") is None


def test_kubeconfig_whose_certificate_ended_is_told_and_not_tried(api: FakeApi, tmp_path: Path) -> None:
    with pytest.raises(
        HelperError, match=r"certificate in the kubeconfig ended on \d{4}-\d\d-\d\d; on each control plane"
    ):
        Api(kubeconfig_of(api, lasting(api.folder, -1)), tmp_path)
    assert api.asked == []


def test_kubeconfig_whose_certificate_is_near_its_end_is_told_and_used(
    api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Api(kubeconfig_of(api, lasting(api.folder, 20)), tmp_path).get("/readyz") == {}
    assert "certificate in the kubeconfig ends on" in capsys.readouterr().err
    Api(kubeconfig_of(api, lasting(api.folder, 60)), tmp_path)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("days", "words"), [(-1, "has a certificate that ended; on each"), (60, "is not this cluster's")]
)
def test_certificate_of_the_api_is_told_as_what_it_is(tmp_path: Path, days: int, words: str) -> None:
    make_certificate(tmp_path)
    ours = (tmp_path / "ca.pem").read_text()
    fake = FakeApi(tmp_path)
    (tmp_path / "ca.pem").write_text(lasting(tmp_path, days))
    with serving(fake):
        authority = ours if days > 0 else (tmp_path / "ca.pem").read_text()
        (tmp_path / "ca.pem").write_text(authority)
        told = kubeconfig_of(fake, ours)
        with pytest.raises(HelperError, match=rf"the API at 127\.0\.0\.1:{fake.port} {words}"):
            Api(told, tmp_path).get("/readyz")
