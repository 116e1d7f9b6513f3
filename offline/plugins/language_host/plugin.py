"""One plugin that is a Python program, such as a policy pack: the body of the child process, in its own interpreter.

Owns its end: a policy pack serves until somebody stops it, so this process goes when the language host is gone. Uses
the standard library only. Leaves the protocol to the plugin's own SDK.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

POLL = 0.5
"""Seconds between looks at whether the language host still lives."""


def end_with(parent: int) -> None:
    """End this process, whatever it does, when its parent is no longer that one."""
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(0)


def main() -> None:
    """`plugin.py PROGRAM [ARGUMENTS]`: run the program, a folder with a __main__.py or a file."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    del sys.argv[0]
    program = sys.argv[0]
    sys.path[0] = program if os.path.isdir(program) else os.path.dirname(program)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
