"""How a local command starts a helper program, wherever the package lies when it runs.

Owns the command's text, which is kept in a stack's state and therefore holds no path, and the revisions that say when
a helper must run again. Leaves the environment to whoever starts it: bootstrap/helper_command.py, gates/gate.py.

The text is run by the command plugin, in the project's folder. Which Python runs the helper, in turn:
$FJORDKUBE_PYTHON, the virtual environment `.venv` or `venv` in that folder, `python3` of PATH. It takes the installed
package, or else the project's folder, where a checkout has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final, Literal

from .errors import HelperError
from .roots import CHECKOUT

Part = Literal["artifacts", "membership", "gates", "survey", "secrets"]

REVISIONS: Final[Mapping[Part, str]] = {
    "artifacts": "1",
    "membership": "1",
    "gates": "1",
    "survey": "1",
    "secrets": "1",
}
"""Part of what each helper's resource is made from. Raise one when the helper does something else to nodes, or measures
in another way: the next `up` then runs it again on every node. Any other edit of a helper reaches no node."""

START: Final = """\
PATH="$PWD/.venv/bin:$PWD/venv/bin:$PATH"
exec "${FJORDKUBE_PYTHON:-python3}" -I -c '
import os, sys
sys.path.append(os.getcwd())
try:
    from fjordkube.helpers.__main__ import main
except ImportError as error:
    sys.exit(f"error: package fjordkube: not found by {sys.executable} ({error}); "
             "install it in the project'"'"'s .venv, or set FJORDKUBE_PYTHON to the Python that has it")
sys.exit(main(sys.argv[1:], os.environ))' """
"""The working folder is searched last: what lies there may be named like a standard module."""


def command(verb: str) -> str:
    """The shell text that runs a verb; exec: a cancelled run ends the program itself."""
    return START + verb


def run(verb: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The verb's answer, without an engine: by this Python, with keys in the environment alone. HelperError: its words.

    What it logs is kept back.
    """
    done = subprocess.run(
        ["/bin/sh", "-c", command(verb)],
        env={**os.environ, "FJORDKUBE_PYTHON": sys.executable, **environment},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HelperError(done.stderr.partition("error: ")[2].strip() or done.stderr.strip())
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
