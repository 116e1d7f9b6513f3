"""The life of a plugin process: serve on a loopback port, end with the engine.

Owns the command line, the port line on standard output, signals, and noticing that the engine is gone. Leaves what
is served to the caller.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

MESSAGE_BYTES = 400 * 1024 * 1024
"""Largest message, as the engine's own limit (sdk/go/common/util/rpcutil)."""
ENGINE_POLL = 0.5
"""Seconds between looks at whether the engine still lives."""
LARGE_STACK_WORKERS = 128
"""Operations at once: each waiting one holds a thread; the engine's default is 16 x cores."""


def serve(title: str, register: Callable[[grpc.Server, str], None], stop: Callable[[], None]) -> None:
    """Serve until the engine ends this process or is gone.

    `title` is what --help says. `register(server, engine_address)` adds the service; the address may be empty, it then
    comes by Handshake. `stop()` ends whatever the service started.
    """
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if {"-h", "--help", "-help"} & set(sys.argv[1:]):
        print(title)
        print("\nusage: started by the Pulumi engine, with the engine's host:port; prints its own port")
        return
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_send_message_length", MESSAGE_BYTES),
    ]
    server = grpc.server(ThreadPoolExecutor(max_workers=LARGE_STACK_WORKERS), options=options)
    register(server, arguments[-1] if arguments else "")
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()

    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    engine = os.getppid()
    while not done.wait(ENGINE_POLL) and os.getppid() == engine:
        pass
    stop()
    server.stop(0)
    # The pool's threads may still wait on a cluster; the engine has given up on their answers.
    sys.stdout.flush()
    os._exit(0)
