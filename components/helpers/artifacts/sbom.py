"""A bundle's bill of materials as SPDX 2.3 JSON: everything in it by name, version, licence, checksum and origin. Pure.

https://spdx.github.io/spdx-spec/v2.3/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from fjordkube.artifacts.needs import File, Image, Needs, Package

NAME = "sbom.spdx.json"
"""Beside bundle.json."""

UNKNOWN = "NOASSERTION"
"""As SPDX says that nothing is said."""


def of(needs: Needs, origin: str, made: str) -> dict[str, Any]:
    """For json.dumps. The same for the same list, origin and time."""
    listed = list(_packages(needs))
    digest = hashlib.sha256(json.dumps(needs.as_json(), sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"fjordkube-bundle-{origin}-{needs.architecture}",
        "documentNamespace": f"https://fjordkube.local/spdx/{origin}-{digest}",
        "creationInfo": {"created": made, "creators": ["Tool: fjordkube"]},
        "packages": listed,
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": one["SPDXID"]}
            for one in listed
        ],
    }


def _packages(needs: Needs) -> Iterator[dict[str, Any]]:
    for file in needs.files:
        yield _file(file)
    for image in needs.images:
        yield _image(image)
    for release, packages in needs.packages.items():
        for package in packages:
            yield _package(package, release, needs.architecture)


def _file(file: File) -> dict[str, Any]:
    address = file.url.startswith(("https://", "http://"))
    where = file.url if address else UNKNOWN
    entry = _entry(f"file-{file.component}-{file.name}", file.name, file.version, file.licence, file.sha256, where)
    if not address and file.url:
        entry["externalRefs"] = [_purl(f"pkg:golang/{file.url}")]
        entry["sourceInfo"] = f"compiled from the Go module {file.url}"
    return entry | ({"packageFileName": file.path} if file.path else {})


def _image(image: Image) -> dict[str, Any]:
    name, _, tag = image.reference.rpartition(":")
    entry = _entry(f"image-{image.component}", name, tag, image.licence, image.sha256, UNKNOWN)
    entry["primaryPackagePurpose"] = "CONTAINER"
    entry["comment"] = f"container image, digest {image.digest or 'not known'}"
    entry["licenseComments"] = "of its main program; packages of a distribution in it have licences of their own"
    if image.digest:
        last = name.rpartition("/")[2]
        entry["externalRefs"] = [
            _purl(f"pkg:oci/{last}@{quote(image.digest, safe='')}?repository_url={quote(name, safe='/')}&tag={tag}")
        ]
    return entry | ({"packageFileName": image.path} if image.path else {})


def _package(package: Package, release: str, architecture: str) -> dict[str, Any]:
    name = f"package-{release}-{package.name}"
    entry = _entry(name, package.name, package.version, package.licence, package.sha256, UNKNOWN)
    distribution = release.partition("-")[0]
    version = quote(package.version, safe="")
    purl = f"pkg:deb/{distribution}/{quote(package.name, safe='')}@{version}?arch={architecture}&distro={release}"
    entry["externalRefs"] = [_purl(purl)]
    if not package.licence:
        entry["licenseComments"] = f"in the package: /usr/share/doc/{package.name}/copyright"
    return entry | {"packageFileName": package.path}


def _entry(identity: str, name: str, version: str, licence: str, sha256: str, where: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", identity.replace("+", "plus")),
        "name": name,
        "versionInfo": version,
        "downloadLocation": where,
        "filesAnalyzed": False,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": licence or UNKNOWN,
        "copyrightText": UNKNOWN,
    }
    if sha256:
        entry["checksums"] = [{"algorithm": "SHA256", "checksumValue": sha256}]
    return entry


def _purl(locator: str) -> dict[str, str]:
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}
