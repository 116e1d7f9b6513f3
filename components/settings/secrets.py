"""Names under which a stack's configuration may hold secrets, beside its settings.

Owns the names. Leaves taking and refusing the values to `components/nodes/stack_config.py`.
"""

from __future__ import annotations

from typing import Final

SSH_KEY: Final = "fjordkube:sshPrivateKey"
"""The private key that enters the stack's machines."""

BASTION_KEY: Final = "fjordkube:bastionPrivateKey"
"""The same for the bastion."""

VENDOR_VARIABLES: Final = "fjordkube:vendorVariables"
"""Variables for the command of source vendor_cli, a JSON object, e.g. its token."""

REGISTRY_LOGIN: Final = "fjordkube:registryLogin"
"""user:password of the registry that artifacts.registry names."""

NAMES: Final = (SSH_KEY, BASTION_KEY, VENDOR_VARIABLES, REGISTRY_LOGIN)
