"""Programs downloaded instead of compiled: what is accepted, what happens without a network, what is remembered.

All traffic stays on this machine: releases are served from a loopback port.
"""

from __future__ import annotations

import hashlib
import io
import re
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fjordkube.errors import FjordkubeError, VmImageMissing
from fjordkube.nodes.local import vm_image as local_image
from offline import binaries, build, catalog, command, compression, manifest, official, programs, source, vm_image
from offline.command import BuildError
from offline.manifest import Manifest, Release
from offline.step import Step

PROGRAM = b"\x7fELF and the rest of a program\n" * 4000


@dataclass
class Site:
    """A host of releases on a loopback port."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut: int | None = None
    """Answers end after so many bytes, whatever was promised."""
    hold: threading.Event | None = None
    """Answers stop half-way until this is set."""
    port: int = 0

    def release(self, name: str, content: bytes, member: str | None = None) -> Release:
        self.files[f"/{name}"] = content
        return Release(f"http://127.0.0.1:{self.port}/{name}", hashlib.sha256(content).hexdigest(), member)


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append(self.path)
            content = here.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                if here.hold is not None:
                    self.wfile.write(content[: len(content) // 2])
                    self.wfile.flush()
                    here.hold.wait(20)
                    content = content[len(content) // 2 :]
                self.wfile.write(content[: here.cut])
            except OSError:
                pass  # whoever asked has gone

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield here
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, no setting, and nothing known of this run's hosts."""
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(source.SETTING, raising=False)
    monkeypatch.setattr(command, "_cancelled", threading.Event())
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    source.silent.cache_clear()
    return tmp_path / "cache"


def archive(members: Mapping[str, bytes]) -> bytes:
    """A tar.gz of these files, with a folder beside them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        folder = tarfile.TarInfo("v1/folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o640
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- Transfer --------------------------------------------------------------------------------------------------------


def test_program_is_what_the_address_serves_and_runnable(site: Site, tmp_path: Path) -> None:
    official.fetch(site.release("kubelet", PROGRAM), tmp_path / "kubelet")
    assert (tmp_path / "kubelet").read_bytes() == PROGRAM
    assert (tmp_path / "kubelet").stat().st_mode & 0o777 == 0o755
    assert names(tmp_path) == ["kubelet"]


@pytest.mark.parametrize("prefix", ["", "./"])
def test_program_is_one_member_of_an_archive(site: Site, tmp_path: Path, prefix: str) -> None:
    content = archive({f"{prefix}v1/etcdctl": b"other", f"{prefix}v1/etcd": PROGRAM, f"{prefix}etcd": b"at the top"})
    for member, expected in (("v1/etcd", PROGRAM), ("etcd", b"at the top")):
        official.fetch(site.release("etcd.tar.gz", content, member), tmp_path / "etcd")
        assert (tmp_path / "etcd").read_bytes() == expected
        assert (tmp_path / "etcd").stat().st_mode & 0o777 == 0o755
        assert names(tmp_path) == ["etcd"]


@pytest.mark.parametrize("member", ["v1/etcdutl", "v1/folder", "etcd"])
def test_archive_without_that_file_is_an_error(site: Site, tmp_path: Path, member: str) -> None:
    release = site.release("etcd.tar.gz", archive({"v1/etcd": PROGRAM}), member)
    with pytest.raises(BuildError, match=rf"^{release.url}: no file {member} in it; mend the manifest$"):
        official.fetch(release, tmp_path / "etcd")
    assert names(tmp_path) == []


def test_what_is_no_archive_is_an_error(site: Site, tmp_path: Path) -> None:
    release = site.release("etcd.tar.gz", PROGRAM, "v1/etcd")
    with pytest.raises(BuildError, match=rf"^{release.url}: not an archive that can be read: "):
        official.fetch(release, tmp_path / "etcd")
    assert names(tmp_path) == []


@pytest.mark.parametrize("member", [None, "v1/etcd"])
def test_other_checksum_names_address_expected_and_found_and_nothing_is_kept(
    site: Site, tmp_path: Path, member: str | None
) -> None:
    content = archive({"v1/etcd": PROGRAM})
    release = replace(site.release("etcd.tar.gz", content, member), sha256="ab" * 32)
    with pytest.raises(BuildError) as refused:
        official.fetch(release, tmp_path / "etcd")
    found = hashlib.sha256(content).hexdigest()
    assert str(refused.value) == f"{release.url}: SHA-256 {found}, the manifest says {'ab' * 32}; not used"
    assert names(tmp_path) == []


def test_transfer_that_ends_early_is_told_as_that_and_nothing_is_kept(site: Site, tmp_path: Path) -> None:
    release = site.release("kubelet", PROGRAM)
    site.cut = 5000
    with pytest.raises(BuildError, match=rf"^{release.url}: ended after 5000 of {len(PROGRAM)} bytes; run it again"):
        official.fetch(release, tmp_path / "kubelet")
    assert names(tmp_path) == []


def test_address_that_does_not_exist_or_answer_is_an_error_with_what_to_do(site: Site, tmp_path: Path) -> None:
    release = site.release("kubelet", PROGRAM)
    site.files.clear()
    with pytest.raises(BuildError, match=rf"^{release.url}: HTTP Error 404.*; run it again, or with FJORDKUBE_SOURCE="):
        official.fetch(release, tmp_path / "kubelet")
    with pytest.raises(BuildError, match=r"Connection refused.*; run it again, or with FJORDKUBE_SOURCE=build$"):
        official.fetch(replace(release, url=f"http://127.0.0.1:{free_port()}/kubelet"), tmp_path / "kubelet")
    assert names(tmp_path) == []


def test_cancelled_build_ends_a_transfer_that_goes_on(site: Site, tmp_path: Path) -> None:
    release = site.release("kubelet", PROGRAM * 40)
    site.hold = threading.Event()
    failures: list[BaseException] = []

    def fetch() -> None:
        try:
            official.fetch(release, tmp_path / "kubelet")
        except BuildError as error:
            failures.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    while not list(tmp_path.glob("kubelet.download")):
        time.sleep(0.01)
    command.cancel()
    site.hold.set()
    thread.join(10)
    assert [str(failure) for failure in failures] == ["the build was cancelled"]
    assert names(tmp_path) == []


# --- Steps -----------------------------------------------------------------------------------------------------------


def sources(**releases: Release) -> Manifest:
    """A manifest of two programs, some with releases."""
    module = manifest.Module(
        name="m",
        path="example.test/m",
        version="v1.2.3",
        sum="h1:x",
        programs=(manifest.Program("one", "cmd/one", 3), manifest.Program("two", "cmd/two", 3)),
    )
    return Manifest({}, (module,), (), official=releases)


def places(of: Manifest) -> dict[str, Path]:
    return {step.name: step.result for step in programs.steps(of)}


RELEASE = Release("http://127.0.0.1:9/one", "ab" * 32)


def test_downloaded_program_lies_elsewhere_than_the_compiled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = places(sources(one=RELEASE))
    assert compiled == places(sources())  # a release in the manifest moves nothing that is compiled
    monkeypatch.setenv(source.SETTING, "official")
    downloaded = places(sources(one=RELEASE))
    assert downloaded["one"].parent.name.startswith("official-")
    assert downloaded["two"] == compiled["two"]  # nobody publishes it


def test_place_of_a_download_is_the_content_that_is_asked_for_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(source.SETTING, "official")
    place = places(sources(one=RELEASE))["one"]
    assert places(sources(one=replace(RELEASE, url="http://127.0.0.1:9/mirror/one")))["one"] == place
    assert places(sources(one=replace(RELEASE, sha256="cd" * 32)))["one"] != place
    assert places(sources(one=replace(RELEASE, member="v1/one")))["one"] != place


def test_images_and_disk_follow_where_programs_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(source.SETTING, "build")
    compiled = {step.name: step.result for step in catalog.steps()}
    monkeypatch.setenv(source.SETTING, "official")
    downloaded = {step.name: step.result for step in catalog.steps()}
    moved = {name for name in compiled if compiled[name] != downloaded[name]}
    official = manifest.load().official
    of_one_program = {f"image-{name}" for name in official} & set(compiled)
    assert len(of_one_program) >= 4  # Kubernetes' own
    assert moved == {
        *official,
        *of_one_program,
        *(name.replace("image-", "compressed-") for name in of_one_program),
        *{compression.program_step_name(name) for name in official} & set(compiled),
        "guest-disk",
        "vm-image",
    }


def test_every_key_is_the_same_wherever_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(source.SETTING, "build")

    def found(cache: Path) -> set[Path]:
        monkeypatch.setenv("FJORDKUBE_CACHE", str(cache))
        # QEMU's launcher holds the path of what it starts
        return {step.result.relative_to(cache) for step in catalog.steps() if step.name != "emulator"}

    assert found(tmp_path / "one") == found(tmp_path / "two")


def test_image_is_named_before_anything_is_built_and_noted_for_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(source.SETTING, "build")
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    of = manifest.load()
    versions = of.versions["kubernetes"], of.versions["calico"]
    with pytest.raises(VmImageMissing, match=r"not known in .*/home; run make preview or make up$"):
        local_image.wanted(*versions)
    vm_image.publish(of)
    assert local_image.wanted(*versions) == vm_image.digest(of) == vm_image.path(of).parent.name
    assert local_image.built(vm_image.digest(of)) is None
    digest = vm_image.digest(of)
    with pytest.raises(VmImageMissing, match=rf"^image {digest} of machines: not in .*/cache; run make up"):
        local_image.find(*versions)
    assert not (tmp_path / "cache").exists()
    assert vm_image.digest(replace(of, disk=replace(of.disk, slack_mib=1))) != vm_image.digest(of)


def test_program_says_in_its_title_that_it_is_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(source.SETTING, "official")
    assert [(step.title, step.lane) for step in programs.steps(sources(one=RELEASE))] == [
        ("one v1.2.3, official", "download"),
        ("two v1.2.3", "compile"),
    ]


# --- The choice ------------------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


Ensure = Callable[..., list[str]]


@pytest.fixture
def ensure(monkeypatch: pytest.MonkeyPatch) -> Ensure:
    """Builds a manifest's programs, compiling them by writing a word; gives what was said."""
    real = programs._compiled

    def word(target: Path) -> None:
        target.write_text("compiled")

    def compiled(of: Manifest, module: manifest.Module, program: manifest.Program) -> Step:
        return replace(real(of, module, program), action=word)

    monkeypatch.setattr(programs, "_compiled", compiled)

    def run(of: Manifest, *wanted: str) -> list[str]:
        monkeypatch.setattr(manifest, "load", lambda: of)
        monkeypatch.setattr(catalog, "steps", lambda: list(programs.steps(of)))
        monkeypatch.setattr(command, "_cancelled", threading.Event())  # each call a process of its own, so to speak
        said: list[str] = []
        build.ensure(list(wanted), said.append)
        return said

    return run


@pytest.fixture
def dead() -> Release:
    return Release(f"http://127.0.0.1:{free_port()}/one", hashlib.sha256(PROGRAM).hexdigest())


def test_first_build_downloads_what_is_published_and_compiles_the_rest(site: Site, ensure: Ensure, cache: Path) -> None:
    said = ensure(sources(one=site.release("one", PROGRAM)))
    assert binaries.path("one").read_bytes() == PROGRAM
    assert binaries.path("two").read_text() == "compiled"
    assert names(binaries.path("one").parent) == ["one"]
    assert (cache / "source.json").read_text() == '{"source": "official"}\n'
    assert said[0].startswith("official releases: their hosts answer; ")


def test_first_build_compiles_everything_where_a_host_cannot_be_reached(
    site: Site, ensure: Ensure, dead: Release
) -> None:
    said = ensure(sources(one=dead, two=site.release("two", PROGRAM)))
    assert {binaries.path(name).read_text() for name in ("one", "two")} == {"compiled"}
    host = dead.url.split("/")[2]
    assert said[0] == (
        f"official releases: {host} not reached; programs are compiled (FJORDKUBE_SOURCE=official changes it)"
    )


def test_choice_is_remembered_and_a_warm_run_asks_nobody(site: Site, ensure: Ensure) -> None:
    of = sources(one=site.release("one", PROGRAM))
    ensure(of)
    place = binaries.path("one")
    site.asked.clear()
    source.silent.cache_clear()  # another run
    assert ensure(of) == []
    assert binaries.path("one") == place
    assert site.asked == []


def test_cache_that_began_compiling_goes_on_compiling_and_asks_nobody(
    site: Site, ensure: Ensure, dead: Release
) -> None:
    ensure(sources(one=dead), "one")
    source.silent.cache_clear()
    ensure(sources(one=dead, two=site.release("two", PROGRAM)), "two")
    assert binaries.path("two").read_text() == "compiled"
    assert site.asked == []


@pytest.mark.parametrize("wanted", ["one", "two"])
def test_cache_from_before_there_was_a_choice_stays_with_what_it_has(
    site: Site, ensure: Ensure, cache: Path, wanted: str
) -> None:
    of = sources(one=site.release("one", PROGRAM), two=site.release("two", PROGRAM))
    before = places(of)["one"]
    before.parent.mkdir(parents=True)
    before.write_text("compiled before")
    ensure(of, wanted)
    assert site.asked == []
    assert binaries.path("one") == before
    assert (cache / "source.json").read_text() == '{"source": "build"}\n'


def test_build_without_published_programs_neither_asks_nor_decides(site: Site, ensure: Ensure, cache: Path) -> None:
    of = sources(one=site.release("one", PROGRAM))
    for _ in range(2):
        ensure(of, "two")
    assert site.asked == []
    assert not (cache / "source.json").exists()


def test_choice_is_made_ahead_of_a_build_only_where_nothing_holds(site: Site, ensure: Ensure, cache: Path) -> None:
    of = sources(one=site.release("one", PROGRAM))
    said: list[str] = []
    for _ in range(2):
        source.foresee(of, list(programs.steps(of)), said.append)
    assert len(site.asked) == 1
    assert len(said) == 1
    assert source.chosen() == "official"
    ensure(of, "one")
    assert binaries.path("one").read_bytes() == PROGRAM


def test_choice_ahead_of_a_build_stays_with_what_the_cache_has(site: Site, ensure: Ensure, cache: Path) -> None:
    of = sources(one=site.release("one", PROGRAM))
    (place := places(of)["one"]).parent.mkdir(parents=True)
    place.write_text("compiled")
    source.foresee(of, list(programs.steps(of)), print)
    assert site.asked == []
    assert not (cache / "source.json").exists()


def test_setting_decides_and_what_it_decided_holds_without_it(
    site: Site, ensure: Ensure, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = sources(one=site.release("one", PROGRAM))
    monkeypatch.setenv(source.SETTING, "build")
    ensure(of)
    assert site.asked == []
    monkeypatch.delenv(source.SETTING)
    assert binaries.path("one").read_text() == "compiled"
    monkeypatch.setenv(source.SETTING, "official")
    ensure(of)
    monkeypatch.delenv(source.SETTING)
    assert binaries.path("one").read_bytes() == PROGRAM
    monkeypatch.setenv(source.SETTING, "build")
    assert ensure(of) == []  # there already; but that is what holds from now on
    monkeypatch.delenv(source.SETTING)
    assert binaries.path("one").read_text() == "compiled"


def test_official_by_setting_is_an_error_where_a_host_cannot_be_reached(
    ensure: Ensure, dead: Release, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(source.SETTING, "official")
    host = dead.url.split("/")[2]
    with pytest.raises(
        FjordkubeError, match=rf"^FJORDKUBE_SOURCE=official, but {host} did not answer within 3 s; mend"
    ):
        ensure(sources(one=dead))
    assert not (cache / "source.json").exists()
    assert not (cache / "bin").exists()


def test_cache_that_downloads_compiles_when_its_hosts_are_gone_for_what_is_new(
    site: Site, ensure: Ensure, dead: Release
) -> None:
    ensure(sources(one=site.release("one", PROGRAM)), "one")
    assert binaries.path("one").read_bytes() == PROGRAM
    source.silent.cache_clear()
    newer = replace(dead, sha256="cd" * 32)
    assert "not reached; programs are compiled" in ensure(sources(one=newer), "one")[0]
    assert binaries.path("one").read_text() == "compiled"


def test_other_checksum_ends_the_build_and_is_not_replaced_by_compiling(site: Site, ensure: Ensure) -> None:
    release = replace(site.release("one", PROGRAM), sha256="ab" * 32)
    with pytest.raises(BuildError, match=f"{release.url}: SHA-256 [0-9a-f]{{64}}, the manifest says (ab){{32}}; not"):
        ensure(sources(one=release), "one")
    with pytest.raises(FjordkubeError, match="one: not in the cache"):
        binaries.path("one")


def test_interrupted_download_is_not_there_and_the_next_build_goes_on(site: Site, ensure: Ensure) -> None:
    of = sources(one=site.release("one", PROGRAM))
    site.cut = 100
    with pytest.raises(BuildError, match="ended after 100 of"):
        ensure(of, "one")
    with pytest.raises(FjordkubeError, match="one: not in the cache"):
        binaries.path("one")
    site.cut = None
    ensure(of, "one")
    assert binaries.path("one").read_bytes() == PROGRAM
    assert names(binaries.path("one").parent) == ["one"]


def test_host_that_does_not_answer_is_waited_for_once_and_not_long(
    ensure: Ensure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes the connection and says nothing
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        urls = tuple(f"http://{address}/{name}" for name in ("one", "two"))
        before = time.monotonic()
        assert source.silent(urls) == source.silent(urls) == (address,)
        assert time.monotonic() - before < 2


@pytest.mark.parametrize("value", ["compile", "Official", "0"])
def test_setting_of_another_value_is_refused_with_those_there_are(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(source.SETTING, value)
    with pytest.raises(FjordkubeError, match=rf"^FJORDKUBE_SOURCE: '{value}'; use auto, official or build$"):
        source.chosen()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"source": "elsewhere"}'])
def test_record_that_cannot_be_read_is_named_with_the_remedy(text: str, cache: Path) -> None:
    cache.mkdir()
    (cache / "source.json").write_text(text)
    with pytest.raises(FjordkubeError, match=rf"^{cache}/source.json: says neither official nor build; remove it"):
        source.chosen()


def test_people_are_told_which_it_is_and_by_whose_choice(
    site: Site, ensure: Ensure, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = sources(one=site.release("one", PROGRAM))

    def told() -> str:
        return source.describe(of, list(programs.steps(of)))

    assert told() == "compiled here, unless a first build reaches official releases"
    ensure(of)
    assert told() == "official releases where there are any (as this cache began; FJORDKUBE_SOURCE changes it)"
    monkeypatch.setenv(source.SETTING, "build")
    assert told() == "compiled here (FJORDKUBE_SOURCE)"


# --- This checkout's manifest ----------------------------------------------------------------------------------------


def test_every_release_is_of_a_program_of_ours_at_its_modules_version() -> None:
    ours = manifest.load()
    versions = {program.name: module.version for module in ours.modules for program in module.programs}
    for name, release in ours.official.items():
        assert release.url.startswith("https://"), name
        assert f"/{versions[name]}/" in release.url, name
        assert re.search(r"linux[-_/](amd64|x64)", release.url), name
        assert re.fullmatch("[0-9a-f]{64}", release.sha256), name
        archived = release.url.endswith((".tar.gz", ".tgz"))
        assert (release.member is not None) == archived, name
        assert (release.member or release.url).rpartition("/")[2] == name


def test_field_of_a_release_that_nobody_reads_is_refused() -> None:
    raw: dict[str, object] = {"groups": {}, "modules": {}, "own": {}}
    entry = {"url": "https://example.test/one", "sha256": "ab" * 32}
    assert manifest.parse({**raw, "official": {"one": entry}}).official["one"].member is None
    for broken in ({**entry, "sha1": "x"}, {"url": entry["url"]}):
        with pytest.raises(TypeError):
            manifest.parse({**raw, "official": {"one": broken}})
