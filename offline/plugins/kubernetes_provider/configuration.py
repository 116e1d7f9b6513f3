"""The provider's configuration: which cluster, and the switches of Pulumi's own provider that matter here.

Owns reading it and deciding when a changed configuration means another cluster. Leaves connecting to `cluster.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..values import Properties, is_unknown, plain

REFUSED = ("renderYamlToDirectory",)
"""Configuration of Pulumi's own provider that the stand-in refuses, rather than ignore what it promises."""
PLACE = ("kubeconfig", "context", "cluster")
IDENTIFIER = "clusterIdentifier"
SWITCHES = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
}
"""Switches that are off unless set, with the variable that sets them (pulumi-kubernetes 4.34)."""


class ConfigurationError(Exception):
    """A kubeconfig that cannot be read or names no cluster."""


@dataclass(frozen=True)
class Configuration:
    """What a Provider resource was given."""

    kubeconfig: Mapping[str, Any] | None
    """The parsed kubeconfig; None where it is not known yet (a preview before the cluster exists)."""
    context: str = ""
    namespace: str = ""
    """For namespaced objects that name none; empty: the API's own `default`."""
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    patch_force: bool = False
    upsert: bool = False
    config_map_mutable: bool = False
    secret_mutable: bool = False


def read(variables: Mapping[str, str]) -> Configuration:
    """The configuration of the engine's `kubernetes:config:<name>` variables. Raises ConfigurationError."""
    values = {key.removeprefix("kubernetes:config:"): value for key, value in variables.items()}
    on = {name: values.get(name, os.environ.get(variable, "")) == "true" for name, variable in SWITCHES.items()}
    text = values.get("kubeconfig") or os.environ.get("KUBECONFIG", "")
    return Configuration(
        kubeconfig=None if is_unknown(text) or not text else kubeconfig(text),
        context=values.get("context", ""),
        namespace=values.get("namespace", ""),
        delete_unreachable=on["deleteUnreachable"],
        skip_update_unreachable=on["skipUpdateUnreachable"],
        patch_force=on["enablePatchForce"],
        upsert=on["upsertExistingObjects"],
        config_map_mutable=on["enableConfigMapMutable"],
        secret_mutable=on["enableSecretMutable"],
    )


def kubeconfig(text: str) -> dict[str, Any]:
    """The parsed content of a kubeconfig given as text or as a path. Raises ConfigurationError without quoting it."""
    if "\n" not in text and not text.lstrip().startswith("{"):
        path = Path(text).expanduser()
        if not path.is_file():
            raise ConfigurationError(f"kubeconfig: there is no file {path}")
        text = path.read_text()
    try:
        parsed = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError:
        # The parser's message quotes the text, which holds keys.
        raise ConfigurationError("kubeconfig is not YAML") from None
    if not isinstance(parsed, dict) or not parsed.get("clusters"):
        raise ConfigurationError("kubeconfig names no cluster")
    return parsed


def another_cluster(old: Properties, new: Properties) -> list[str]:
    """The properties whose change means another cluster, so that everything on it is replaced.

    With clusterIdentifier on both sides it alone decides. Otherwise an unknown kubeconfig counts as another cluster,
    and a known one is compared by its active cluster's address.
    """
    old, new = plain(old), plain(new)
    if old.get(IDENTIFIER) and new.get(IDENTIFIER):
        return [IDENTIFIER] if old[IDENTIFIER] != new[IDENTIFIER] else []
    if unknown := [key for key in PLACE if is_unknown(new.get(key))]:
        return unknown
    before, after = _active(old), _active(new)
    if before is None or after is None or before == after:
        return []
    return [key for key in PLACE if old.get(key) != new.get(key)]


def _active(properties: Properties) -> Any:
    """The cluster entry in use, or None if that cannot be told."""
    try:
        config = kubeconfig(properties.get("kubeconfig") or "")
    except (ConfigurationError, OSError):
        return None
    name = properties.get("cluster")
    if not name:
        current = properties.get("context") or config.get("current-context")
        contexts = {entry["name"]: entry.get("context", {}) for entry in config.get("contexts") or []}
        name = contexts.get(current, {}).get("cluster")
    return next((entry.get("cluster") for entry in config["clusters"] if entry["name"] == name), None)
