"""Reaching a machine by SSH: keys, the pinned host key, and how often to try.

Owns everything up to an authenticated connection; private keys stay in this process's memory and touch neither a file
nor an argument list. A dial that fails is tried again (the machine may still boot); a host key that is not the pinned
one is refused at once. Leaves the command to `remote.py`.
"""

from __future__ import annotations

import base64
import io
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

import paramiko

from .output import CommandFailed

FIRST_DELAY, FACTOR, LONGEST_DELAY = 0.1, 1.5, 5.0
"""Seconds between dials (pulumi sdk/go/common/util/retry, which pulumi-command uses)."""
HANDSHAKE_FACTOR = 2
"""Handshake and login may take this many times perDialTimeout: an emulated machine computes keys slowly. Pulumi's own
provider bounds the TCP connection only, and so hangs on a machine that accepts but never answers."""
KEY_TYPES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
# Its tracebacks go to standard error, which the engine shows to the user; the errors are told by `dial`.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class HostKeyRefused(CommandFailed):
    """The machine is not the one that is expected: never tried again."""


def dial(connection: Mapping[str, Any], cancelled: threading.Event, status: Callable[[str], None]) -> Any:
    """An authenticated paramiko.Transport.

    `connection` holds plain values with defaults filled in. `status` gets one line per failed try. Raises
    CommandFailed after dialErrorLimit failures beyond the first (-1: no limit), HostKeyRefused at once.
    """
    proxy = connection.get("proxy")
    if proxy is None:
        return _persistently(connection, cancelled, status, lambda: _tcp(connection), "Dial")
    bastion = _persistently(proxy, cancelled, status, lambda: _tcp(proxy), "Dial proxy")
    try:
        return _persistently(connection, cancelled, status, lambda: _through(bastion, connection), "Dial from proxy")
    except BaseException:
        bastion.close()
        raise


def hang_up(transport: Any) -> None:
    """Closes a connection, and the one to its bastion that carries it."""
    carrier = getattr(transport.sock, "transport", None)
    transport.close()
    if carrier is not None:
        carrier.close()


def _persistently(
    connection: Mapping[str, Any],
    cancelled: threading.Event,
    status: Callable[[str], None],
    connect: Callable[[], Any],
    title: str,
) -> Any:
    keys, expected = _identities(connection), _host_key(connection)
    limit, failures, delay = int(connection["dialErrorLimit"]), 0, FIRST_DELAY
    place = f"{connection['host']}:{int(connection['port'])}"
    while True:
        try:
            return _handshake(connect(), connection, keys, expected, place)
        except (OSError, EOFError, paramiko.SSHException) as error:
            failures += 1
            if limit >= 0 and failures > limit:
                raise CommandFailed(f"{place}: no SSH connection after {failures} tries: {_reason(error)}") from error
            status(f"{title} {failures}/{limit if limit >= 0 else 'inf'} failed: {_reason(error)}; retrying")
        if cancelled.wait(delay):
            raise CommandFailed(f"{place}: cancelled while connecting")
        delay = min(delay * FACTOR, LONGEST_DELAY)


def _tcp(connection: Mapping[str, Any]) -> socket.socket:
    timeout = float(connection["perDialTimeout"]) or None
    return socket.create_connection((connection["host"], int(connection["port"])), timeout)


def _through(bastion: Any, connection: Mapping[str, Any]) -> Any:
    target = (connection["host"], int(connection["port"]))
    return bastion.open_channel("direct-tcpip", target, ("127.0.0.1", 0), timeout=_seconds(connection))


def _seconds(connection: Mapping[str, Any]) -> float:
    return HANDSHAKE_FACTOR * float(connection["perDialTimeout"]) or 3600.0


def _handshake(sock: Any, connection: Mapping[str, Any], keys: list[Any], expected: Any, place: str) -> Any:
    transport = None
    try:
        transport = paramiko.Transport(sock, strict_kex=True)
        transport.banner_timeout = transport.auth_timeout = _seconds(connection)
        if expected is not None:
            _only(transport, expected.get_name())
        transport.start_client(timeout=_seconds(connection))
        if expected is not None and transport.get_remote_server_key() != expected:
            shown = transport.get_remote_server_key()
            raise HostKeyRefused(
                f"{place}: host key is {shown.get_name()} {shown.fingerprint}, but {expected.get_name()} "
                f"{expected.fingerprint} is pinned; refused. If the machine was made anew, correct hostKey"
            )
        _login(transport, connection, keys)
        return transport
    except paramiko.ssh_exception.IncompatiblePeer as error:
        if expected is None:
            raise
        raise HostKeyRefused(f"{place}: shows no {expected.get_name()} host key, which is pinned; refused") from error
    finally:
        if transport is None or not transport.is_authenticated():
            (transport or sock).close()


def _only(transport: Any, name: str) -> None:
    """Ask for the pinned key's type alone; an RSA key signs with SHA-2."""
    options = transport.get_security_options()
    wanted = ("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,)
    options.key_types = wanted


def _login(transport: Any, connection: Mapping[str, Any], keys: list[Any]) -> None:
    user, password = connection["user"], connection.get("password")
    error: Exception = paramiko.AuthenticationException("no private key, password or agent key was given")
    for key in [*keys, *_agent_keys(connection)]:
        try:
            transport.auth_publickey(user, key)
            return
        except paramiko.AuthenticationException as refused:
            error = refused
    if password is not None:
        transport.auth_password(user, password)
        return
    raise error


def _identities(connection: Mapping[str, Any]) -> list[Any]:
    text = connection.get("privateKey")
    if not text:
        return []
    passphrase = connection.get("privateKeyPassword") or None
    for kind in KEY_TYPES:
        try:
            return [kind.from_private_key(io.StringIO(text.strip() + "\n"), passphrase)]
        except paramiko.PasswordRequiredException as error:
            raise CommandFailed("connection.privateKey is encrypted; set privateKeyPassword") from error
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    # Never the parser's own words: they may quote the key.
    raise CommandFailed("connection.privateKey is not a private key that can be read (or privateKeyPassword is wrong)")


def _agent_keys(connection: Mapping[str, Any]) -> list[Any]:
    path = connection.get("agentSocketPath")
    if path and path != os.environ.get("SSH_AUTH_SOCK"):
        raise CommandFailed("connection.agentSocketPath: fjordkube's stand-in uses the agent of SSH_AUTH_SOCK only")
    if not os.environ.get("SSH_AUTH_SOCK"):
        return []
    return list(paramiko.Agent().get_keys())


def _host_key(connection: Mapping[str, Any]) -> Any:
    line = connection.get("hostKey")
    if not line:
        return None
    try:
        name, data = line.split()[:2]
        return paramiko.PKey.from_type_string(name, base64.b64decode(data))
    except Exception as error:
        fix = 'write it as a public key line, e.g. "ssh-ed25519 AAAA..."'
        raise CommandFailed(f"connection.hostKey cannot be read; {fix}") from error


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
