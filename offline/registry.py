"""Images out of registries and into them, by the OCI distribution protocol (python-dxf speaks it).

Owns the talk: what a tag stands for, which of its architectures, blobs each way, logins. All that comes is held to its
digest, and kept in a folder by it, so that it comes once. Leaves archives to archives.py, and tries to transfer.py.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar, cast
from urllib.parse import quote

import requests
from dxf import DXF, DXFBase

from fjordkube.artifacts.needs import Architecture
from offline import archives, command, transfer
from offline.archives import Archive, Descriptor, Image
from offline.command import BuildError

PULL_LOGIN: Final = "its images come without a login: look at the proxy, or a limit of that registry for your address"
PUSH_LOGIN: Final = "set REGISTRY_LOGIN=user:password in the environment, of a user that may write there"

T = TypeVar("T")


class Repository(DXF):
    """One repository of a registry: what the library leaves out."""

    def document(self, name: str) -> bytes:
        """A manifest or index, by tag or digest."""
        content = self.get_manifest_and_response(name)[1].content
        archives.kind(content)  # ValueError of what is none
        return content

    def digest_of(self, tag: str) -> str | None:
        """What the tag stands for; None where there is no such tag."""
        try:
            return self.head_manifest_and_response(tag)[0]
        except requests.HTTPError as error:
            if _absent(error):
                return None
            raise

    def has(self, digest: str) -> bool:
        """Whether that blob is there."""
        try:
            self._request("head", f"blobs/{digest}")  # type: ignore[no-untyped-call]
        except requests.HTTPError as error:
            if _absent(error):
                return False
            raise
        return True

    def tag(self, name: str, image: Image) -> None:
        """Gives the manifest a name, byte for byte: the library's own way wants a field that OCI's may lack."""
        kind = {"Content-Type": image.descriptor["mediaType"]}
        self._request("put", f"manifests/{name}", data=image.manifest, headers=kind)  # type: ignore[no-untyped-call]


def _absent(error: requests.HTTPError) -> bool:
    return error.response is not None and error.response.status_code == 404


@dataclass(frozen=True)
class Place:
    """A registry, and how it is entered."""

    host: str
    """With its port, e.g. registry.example.no:5000."""
    folder: str = ""
    """Below which its repositories are; empty: at its root."""
    plain: bool = False
    """http, not https."""
    login: str = field(default="", repr=False)
    """user:password; empty: none."""
    ca_file: str | None = None
    """Certificate that signs its own; None: as the environment says."""

    @contextmanager
    def repository(self, name: str) -> Iterator[Repository]:
        """With one connection for all that is asked."""

        def enter(asked: DXFBase, answer: requests.Response) -> None:
            if "www-authenticate" not in answer.headers:
                return  # it says no way to log in, and the refusal stands
            user, _, password = self.login.partition(":")
            asked.authenticate(user or None, password or None, response=answer, user_agent="fjordkube")

        path = f"{self.folder}/{name}" if self.folder else name
        with Repository(
            self.host,
            path,
            enter,
            insecure=self.plain,
            tlsverify=self.ca_file or True,
            timeout=transfer.SILENCE,
        ) as found:
            yield found


def parted(reference: str) -> tuple[str, str, str]:
    """Host, name and tag of e.g. registry.k8s.io/pause:3.10.2."""
    host, _, rest = reference.partition("/")
    name, _, tag = rest.rpartition(":")
    return host, name, tag


@dataclass(frozen=True)
class Pulled:
    """An image in the cache."""

    image: Image
    parts: dict[str, Path]
    """Files by digest."""
    bytes_got: int
    """0: all of it was there."""


def pull(reference: str, listed: str, architecture: Architecture, cache: Path) -> Pulled:
    """The image into `cache`. `listed`: the digest that its tag must have; empty where nobody knows it.

    BuildError `reference: state; fix`. What a tag of no listed digest stood for is remembered with the rest.
    """
    host, name, tag = parted(reference)
    with Place(host).repository(name) as there:
        getter = _Getter(reference, there, cache)
        manifest, index = getter.top(tag, listed), None
        if archives.kind(manifest) in archives.INDEXES:
            index, entry = manifest, archives.chosen(manifest, architecture)
            if entry is None:
                raise BuildError(f"{reference}: there is none for linux/{architecture}; use another version")
            manifest = getter.document(str(entry["digest"]))
        if (kind := archives.kind(manifest)) not in archives.MANIFESTS:
            raise BuildError(f"{reference}: its manifest is of {kind or 'an old type'}; use another version")
        descriptor = {"mediaType": kind, "digest": archives.digest(manifest), "size": len(manifest)}
        image = Image(descriptor, manifest, index)
        parts = {str(part["digest"]): getter.blob(part) for part in image.parts}
        config = json.loads(parts[json.loads(image.manifest)["config"]["digest"]].read_bytes())
        if config.get("architecture") != architecture:
            raise BuildError(f"{reference}: an image for {config.get('architecture')}, and {architecture} is wanted")
        return Pulled(image, parts, getter.bytes_got)


class _Getter:
    """What has a digest comes once, and is held to it; so does what a tag stood for."""

    def __init__(self, reference: str, there: Repository, cache: Path) -> None:
        self._reference, self._there, self._cache = reference, there, cache
        self.bytes_got = 0

    def top(self, tag: str, listed: str) -> bytes:
        """What the tag stands for: a manifest, or an index."""
        note = self._cache / "tags" / quote(self._reference, safe="")
        known = note.read_text() if note.exists() else ""
        if known and known == (listed or known) and self._place(known).exists():
            return self.document(known)
        content = self._persistently(lambda: self._there.document(tag))
        found = archives.digest(content)
        if listed and found != listed:
            raise BuildError(
                f"{self._reference}: is {found}, and the list says {listed}; not used: look at what stands between, "
                "or the tag was given to another image"
            )
        self._keep(found, content)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(found)
        return content

    def document(self, digest: str) -> bytes:
        """A manifest or index."""
        place = self._place(digest)
        if place.exists() and archives.digest(content := place.read_bytes()) == digest:
            return content
        content = self._persistently(lambda: self._there.document(digest))
        self._keep(digest, content)
        return content

    def blob(self, part: Descriptor) -> Path:
        """A layer or configuration, as a file."""
        digest, size = str(part["digest"]), int(part["size"])
        place = self._place(digest)
        if not place.exists() or place.stat().st_size != size:
            with self._beside(place) as partial:
                self._persistently(lambda: self._stream(digest, partial))
        return place

    @contextmanager
    def _beside(self, place: Path) -> Iterator[Path]:
        """A file to fill, which then takes its place; images that share a layer come side by side."""
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            partial = Path(folder) / place.name
            yield partial
            partial.replace(place)

    def _stream(self, digest: str, partial: Path) -> None:
        with partial.open("wb") as file:
            # the library ends with an error where the sum is another one
            for chunk in cast("Iterable[bytes]", self._there.pull_blob(digest, chunk_size=transfer.CHUNK)):
                command.check()
                self.bytes_got += file.write(chunk)

    def _keep(self, digest: str, content: bytes) -> None:
        found = archives.digest(content)
        if found != digest:
            raise BuildError(f"{self._reference}: {digest} came as {found}; not used: look at what stands between")
        with self._beside(self._place(digest)) as partial:
            partial.write_bytes(content)
        self.bytes_got += len(content)

    def _place(self, digest: str) -> Path:
        return self._cache / archives.blob_name(digest)

    def _persistently(self, action: Callable[[], T]) -> T:
        return transfer.persistently(self._reference, action, PULL_LOGIN)


def push(archive: Archive, reference: str, place: Place) -> int:
    """The archive's image into a registry, below the name of its own; bytes sent, 0 where all of it was there."""
    host, name, tag = parted(reference)
    image, sent = archive.image, 0
    with place.repository(f"{host}/{name}") as there:

        def persistently(action: Callable[[], T]) -> T:
            return transfer.persistently(f"{place.host}: {reference}", action, PUSH_LOGIN)

        def send(part: Descriptor) -> int:
            digest = str(part["digest"])
            if there.has(digest):
                return 0
            # from its beginning at each try; with a length, since not every registry takes a body without one
            there.push_blob(data=archive.blob(digest), digest=digest, check_exists=False)
            return int(part["size"])

        for part in image.parts:
            command.check()
            sent += persistently(lambda part=part: send(part))  # type: ignore[misc]
        if persistently(lambda: there.digest_of(tag)) != image.digest:
            persistently(lambda: there.tag(tag, image))
            sent += len(image.manifest)
    return sent
