"""Secrets that a stack's configuration may hold (`pulumi config set --secret`): SSH keys, a vendor's variables.

Owns the refusals. Leaves the names to settings/secrets.py, what a key must be to ssh_key.py, and keeping it to
login_key.py. Imports no SDK: `make` looks at files before there is an engine, and shall not wait for it.
"""

from __future__ import annotations

import json
import sys

from fjordkube.errors import MachineError
from fjordkube.nodes import ssh_key
from fjordkube.settings.secrets import REGISTRY_LOGIN, VENDOR_VARIABLES


def configured(name: str) -> str | None:
    """Secret. The configuration's text; None where there is none. MachineError where it lies open."""
    if "pulumi" not in sys.modules:  # no engine, and so no configuration
        return None
    from pulumi.runtime.config import get_config, is_config_secret

    text = get_config(name)
    if text is None:
        return None
    if not is_config_secret(name):
        raise MachineError(f"{name}: lies open in the stack file; set it by: pulumi config set --secret {name} <FILE")
    return str(text)


def key_problem(name: str, path: str, preview: bool) -> str | None:
    """Why there is no usable private key, as `state; fix`; None where there is one.

    A preview needs none: it takes the one in the state, and a machine that is still to be made shows no key.
    """
    text = configured(name)
    if text is not None:
        return ssh_key.unusable(name, text.encode())
    if preview and not ssh_key.expanded(path).exists():
        return None
    return ssh_key.problem(path)


def vendor_variables() -> str | None:
    """Secret. VENDOR_VARIABLES as one JSON object; None where there is none. MachineError for another form."""
    text = configured(VENDOR_VARIABLES)
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        fix = 'write one such as {"VENDOR_TOKEN": "..."}'
        raise MachineError(f"{VENDOR_VARIABLES}: is not a JSON object of texts; {fix}")
    return json.dumps(found, sort_keys=True)


def registry_login() -> str | None:
    """Secret. user:password of the mirror's registry; None where there is none. MachineError for another form."""
    text = configured(REGISTRY_LOGIN)
    if text is None:
        return None
    user, colon, password = text.strip().partition(":")
    if not (user and colon and password) or not text.strip().isprintable():
        raise MachineError(f"{REGISTRY_LOGIN}: is not user:password in one line; set it by: pulumi config set --secret")
    return text.strip()
