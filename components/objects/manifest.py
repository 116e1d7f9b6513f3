"""Objects as a YAML text that a person reads: each written out, keys in the order they were declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from fjordkube.objects.kubernetes_object import Object


class _Plain(yaml.SafeDumper):
    """Repeats what is repeated (an alias like *id001 hides what an object says); long texts stand as lines."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Plain.add_representer(str, _text)


def manifest(objects: Sequence[Object]) -> str:
    """One YAML document per object; what `kubectl apply -f` would take, if no value is an Output."""
    return str(yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, width=120, explicit_start=True))
