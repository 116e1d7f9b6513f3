"""What a command takes: property names, defaults, and what is secret whatever the program says.

Owns the checks that need no connection. Leaves running to `local.py` and `remote.py`.
"""

from __future__ import annotations

from typing import Any

from ..values import Properties, is_secret, is_unknown, plain, secret

LOCAL, REMOTE = "command:local:Command", "command:remote:Command"

COMMON = {"triggers", "create", "update", "delete", "stdin", "logging", "environment", "addPreviousOutputInEnv"}
KNOWN = {
    LOCAL: COMMON | {"interpreter", "dir", "assetPaths", "archivePaths"},
    REMOTE: COMMON | {"connection"},
}
NOT_HERE = {"assetPaths", "archivePaths"}
"""Inputs of Pulumi's own provider that the stand-in refuses."""
LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")
CONNECTION_DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
"""pulumi-command 1.2.1, provider/pkg/provider/remote/connection.go; the timeout is in seconds."""
CONNECTION = {*CONNECTION_DEFAULTS, "host", "hostKey", "agentSocketPath", "password", "privateKey"} | {
    "privateKeyPassword",
    "proxy",
}
CONNECTION_SECRETS = {"password", "privateKey", "privateKeyPassword"}

Problem = tuple[str, str]
"""Property path and reason."""


def checked(kind: str, news: Properties) -> tuple[Properties, list[Problem]]:
    """The inputs with defaults filled in and secrets marked, and every problem found at once."""
    inputs = {key: value for key, value in news.items() if key == "__defaults" or value is not None}
    problems: list[Problem] = []
    for key in sorted(inputs.keys() - KNOWN[kind] - {"__defaults"}):
        problems.append((key, f"{kind} has no property {key!r}"))
    for key in sorted(inputs.keys() & NOT_HERE):
        problems.append((key, f"{key} is not supported by fjordkube's stand-in; use the official command plugin"))
    logging = plain(inputs.get("logging", "none"))
    if not is_unknown(logging) and logging not in LOGGING:
        problems.append(("logging", f"logging is {logging!r}; use one of {', '.join(LOGGING)}"))
    if kind == REMOTE:
        if "connection" not in inputs:
            problems.append(("connection", "missing required property 'connection'"))
        else:
            inputs["connection"], found = _connection(inputs["connection"], "connection")
            problems += found
    return inputs, problems


def _connection(value: Any, at: str) -> tuple[Any, list[Problem]]:
    inner = value["value"] if is_secret(value) else value
    if not isinstance(inner, dict):
        return secret(inner), []
    given = {key: item for key, item in inner.items() if item is not None}
    problems = [(f"{at}.{key}", f"a connection has no property {key!r}") for key in sorted(given.keys() - CONNECTION)]
    if "host" not in given:
        problems.append((f"{at}.host", "missing required property 'host'"))
    filled: Properties = {**CONNECTION_DEFAULTS, **given}
    for key in CONNECTION_SECRETS & filled.keys():
        filled[key] = secret(filled[key])
    if "proxy" in filled:
        filled["proxy"], found = _connection(filled["proxy"], f"{at}.proxy")
        problems += found
    return secret(filled), problems
