"""Calico's CustomResourceDefinitions, taken from its module, without descriptions.

Owns the trimming. Leaves creating them to components/network/calico.py. Descriptions are 60 % of the bytes (212 -> 85
KB), and each byte is parsed by an API server that is starting up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline import gosource, keys
from offline.manifest import Manifest
from offline.step import Step

STEP = "calico-definitions"
PLACE = "libcalico-go/config/crd"
"""Folder of the definitions in Calico's module."""


def path(manifest: Manifest) -> Path:
    """Where the cache keeps them."""
    return cache_root() / "definitions" / keys.of(manifest.module("calico"), Path(__file__)) / "calico.yaml"


def steps(manifest: Manifest) -> Iterator[Step]:
    """The one step."""
    module = manifest.module("calico")

    def build(target: Path) -> None:
        folder = gosource.download(module.path, module.version, module.sum).folder / PLACE
        found = [
            document for file in sorted(folder.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())
        ]
        definitions = [trimmed(document) for document in found if document]
        if not definitions or any(d["kind"] != "CustomResourceDefinition" for d in definitions):
            raise FjordkubeError(
                f"{folder}: not the folder of Calico's definitions that it was; see offline/definitions"
            )
        target.write_text(yaml.safe_dump(definitions, sort_keys=False, width=120))

    yield Step(STEP, "Calico's resource definitions", path(manifest), build, 3, lane="assemble", needs=("calico-node",))


def trimmed(value: Any) -> Any:
    """The definition without descriptions (a property that is *named* description stays) and without status."""
    if isinstance(value, dict):
        return {
            key: trimmed(item)
            for key, item in value.items()
            if not (key == "description" and isinstance(item, str)) and not (key == "status" and "spec" in value)
        }
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    return value
