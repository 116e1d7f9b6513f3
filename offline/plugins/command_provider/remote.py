"""command:remote:Command: a command over one SSH connection.

Owns the session: environment, input, output, exit status, cancellation. The command travels in the SSH exec request,
so it is in no process list of this machine. A command that was started is never started again: only dialling is
tried more than once. Leaves dialling to `dial.py`, which is imported at the first remote command (0.1 s).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .output import CommandFailed, Output, Stream

CHUNK = 64 * 1024
KEEPALIVE = 30.0
"""Seconds between questions to the far side whether it is still there."""
SILENCE = 240.0
"""Seconds without an answer after which it counts as lost: a stopped guest's TCP peer, QEMU, lives on."""
SESSION_TIMEOUT = 120.0
"""Seconds for the far side to open a session or answer a request, on a machine that may be emulated and busy."""


class RemoteRunner:
    """Runs commands on other machines and can end all that still run."""

    def __init__(self) -> None:
        self._channels: set[Any] = set()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def run(
        self,
        inputs: Mapping[str, Any],
        command: str,
        environment: Mapping[str, str],
        previous: Mapping[str, str],
        output: Output,
        status: Callable[[str], None],
    ) -> None:
        """Run to the end; raise CommandFailed if it cannot be reached or does not end with 0.

        `environment` must be accepted by the far side (AcceptEnv), `previous` is set where it accepts it.
        """
        import paramiko

        from .dial import dial, hang_up

        if self._cancelled.is_set():
            raise CommandFailed("cancelled before it started")
        transport = dial(inputs["connection"], self._cancelled, status)
        channel = None
        try:
            channel = transport.open_session(timeout=SESSION_TIMEOUT)
            with self._lock:
                self._channels.add(channel)
            for name, value in environment.items():
                _set_environment(channel, name, value)
            for name, value in previous.items():
                channel.set_environment_variable(name, value)
            channel.exec_command(command)
            with _watched(transport):
                self._talk(channel, inputs.get("stdin") or "", output)
            self._judge(channel, transport)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise CommandFailed(f"SSH session failed: {error or type(error).__name__}") from error
        finally:
            with self._lock:
                self._channels.discard(channel)
            hang_up(transport)

    def stop(self) -> None:
        """End every remote command, as far as its server lets us, and start no more."""
        self._cancelled.set()
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            with contextlib.suppress(Exception):
                _send_signal(channel, "TERM")
                channel.transport.close()

    def _talk(self, channel: Any, text: str, output: Output) -> None:
        readers: dict[Stream, Callable[[int], bytes]] = {"stdout": channel.recv, "stderr": channel.recv_stderr}
        pumps = [threading.Thread(target=_pump, args=(name, read, output)) for name, read in readers.items()]
        for pump in pumps:
            pump.start()
        # A command that reads no input may have closed it.
        with contextlib.suppress(OSError):
            if text:
                channel.sendall(text.encode())
            channel.shutdown_write()
        for pump in pumps:
            pump.join()

    def _judge(self, channel: Any, transport: Any) -> None:
        # The status may follow the end of the streams by a packet; the loss of the connection also ends the wait.
        channel.status_event.wait(SESSION_TIMEOUT)
        code = channel.exit_status
        if self._cancelled.is_set():
            raise CommandFailed("cancelled")
        if code == -1:
            lost = "" if transport.is_active() else " (the connection was lost)"
            raise CommandFailed(f"the command ended without an exit status{lost}")
        if code:
            raise CommandFailed(f"Process exited with status {code}")


@contextlib.contextmanager
def _watched(transport: Any) -> Iterator[None]:
    """Close the connection when the far side no longer answers, which ends every read on it."""
    done = threading.Event()

    def ask(answered: threading.Event) -> None:
        transport.global_request("keepalive@openssh.com", wait=True)
        answered.set()

    def watch() -> None:
        while not done.wait(KEEPALIVE):
            answered = threading.Event()
            threading.Thread(target=ask, args=(answered,), daemon=True).start()
            if not answered.wait(SILENCE) and not done.is_set():
                transport.close()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _pump(name: Stream, read: Callable[[int], bytes], output: Output) -> None:
    with contextlib.suppress(OSError):
        while data := read(CHUNK):
            output.feed(name, data)
    output.feed(name, b"", last=True)


def _request(channel: Any, kind: str, *values: str, reply: bool) -> None:
    """A channel request that paramiko has no call for (RFC 4254, 6.4 and 6.9)."""
    from paramiko.common import cMSG_CHANNEL_REQUEST
    from paramiko.message import Message

    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string(kind)
    message.add_boolean(reply)
    for value in values:
        message.add_string(value)
    if reply:
        channel._event_pending()
    channel.transport._send_user_message(message)
    if reply:
        channel._wait_for_event()


def _set_environment(channel: Any, name: str, value: str) -> None:
    from paramiko import SSHException

    try:
        _request(channel, "env", name, value, reply=True)
    except SSHException as error:
        raise CommandFailed(
            f"environment variable {name} is refused by the SSH server: it needs AcceptEnv; or write the assignment "
            "before the command"
        ) from error


def _send_signal(channel: Any, name: str) -> None:
    _request(channel, "signal", name, reply=False)
