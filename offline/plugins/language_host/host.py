"""The language runtime service: what the engine asks about Python, and the run of the program.

Owns the child processes that are the program's run and Python plugins (policy packs). Leaves finding interpreters to
`interpreter.py` and the bodies of the children to `program.py` and `plugin.py`.
"""

# ruff: noqa: ARG002 - the signatures are the protocol's

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2

from ..protocol import language_pb2, language_pb2_grpc, plugin_pb2
from .interpreter import InterpreterMissing, installed, interpreter, provider_packages

RunPluginResponse = language_pb2.RunPluginResponse
VERSION = "3.250.0+fjordkube"
"""Version of the SDK it goes with; the suffix names the stand-in."""
PROGRAM = Path(__file__).with_name("program.py")
PLUGIN = Path(__file__).with_name("plugin.py")
SHOWN = 32
"""Exit status of a child whose error the user has already seen (as Pulumi's own host has it)."""


def _options(info: language_pb2.ProgramInfo) -> dict[str, Any]:
    return dict(info.options.items()) if info.HasField("options") else {}


def _python(info: language_pb2.ProgramInfo) -> str:
    return interpreter(_options(info), info.root_directory, info.program_directory)


def _said(child: subprocess.Popen[bytes]) -> Iterator[RunPluginResponse]:
    """What the child writes on its two streams, as it comes, until both are closed."""
    words: queue.Queue[RunPluginResponse | None] = queue.Queue()

    def follow(stream: IO[bytes], name: str) -> None:
        while chunk := os.read(stream.fileno(), 1 << 16):
            words.put(RunPluginResponse(stdout=chunk) if name == "stdout" else RunPluginResponse(stderr=chunk))
        words.put(None)

    for stream, name in ((child.stdout, "stdout"), (child.stderr, "stderr")):
        assert stream is not None
        threading.Thread(target=follow, args=(stream, name), daemon=True).start()
    for _ in range(2):
        while (word := words.get()) is not None:
            yield word


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs, at most as many as the engine asks for, each in a process of its own."""

    def __init__(self) -> None:
        self.engine = ""
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Interrupt the programs that still run."""
        with self._lock:
            for child in self._children:
                child.send_signal(signal.SIGINT)

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        self.engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        python = _python(request.info)
        version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[-1]
        return language_pb2.AboutResponse(
            executable=python, version=version, metadata={"languageHost": "fjordkube's stand-in"}
        )

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        packages = [
            plugin_pb2.PackageDependency(
                name=package["name"],
                kind="resource",
                version="v" + str(package["version"]).removeprefix("v"),
                server=package.get("server", ""),
            )
            for package in provider_packages(_python(request.info))
        ]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        dependencies = [
            language_pb2.DependencyInfo(name=entry["name"], version=entry["version"])
            for entry in installed(_python(request.info))
        ]
        return language_pb2.GetProgramDependenciesResponse(dependencies=dependencies)

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"fjordkube's stand-in language host installs nothing: `make` keeps the virtual environment\n"
        )

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        return language_pb2.RuntimeOptionsResponse()

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        try:
            python = _python(request.info)
        except InterpreterMissing as error:
            return language_pb2.RunResponse(error=str(error))
        # The run's description goes by standard input: it holds configuration secrets, and argv is public.
        description = json.dumps(self._description(request)).encode()
        child = subprocess.Popen([python, "-u", str(PROGRAM)], stdin=subprocess.PIPE, env=self._environment(request))
        with self._lock:
            self._children.add(child)
        try:
            child.communicate(description)
        finally:
            with self._lock:
                self._children.discard(child)
        if child.returncode == SHOWN:
            return language_pb2.RunResponse(bail=True)
        if child.returncode:
            return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {child.returncode}")
        return language_pb2.RunResponse()

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[RunPluginResponse]:
        """Runs a plugin until it ends or the engine does not want it any more; nothing is installed for it."""
        try:
            python = _python(request.info)
        except InterpreterMissing as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        program = str(Path(request.info.program_directory, request.info.entry_point))
        environment = dict(variable.split("=", 1) for variable in request.env)
        child = subprocess.Popen(
            [python, "-u", str(PLUGIN), program, *request.args],
            cwd=request.pwd,
            env=environment or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with self._lock:
            self._children.add(child)
        context.add_callback(child.terminate)
        try:
            yield from _said(child)
            yield RunPluginResponse(exitcode=child.wait())
        finally:
            child.kill()
            child.wait()
            with self._lock:
                self._children.discard(child)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self.stop()
        return empty_pb2.Empty()

    def _description(self, request: language_pb2.RunRequest) -> dict[str, Any]:
        return {
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
            "directory": request.pwd,
            "program": request.info.entry_point,
            "arguments": list(request.args),
            "settings": {
                "monitor": request.monitor_address,
                "engine": self.engine,
                "project": request.project,
                "stack": request.stack,
                "parallel": request.parallel,
                "dry_run": request.dryRun,
                "organization": request.organization,
                "root_directory": request.info.root_directory,
            },
        }

    def _environment(self, request: language_pb2.RunRequest) -> dict[str, str]:
        """What programs may read about the run (Pulumi's own names); no configuration: it may be secret."""
        return {
            **os.environ,
            "PULUMI_MONITOR": request.monitor_address,
            "PULUMI_ENGINE": self.engine,
            "PULUMI_PROJECT": request.project,
            "PULUMI_STACK": request.stack,
            "PULUMI_ORGANIZATION": request.organization,
            "PULUMI_DRY_RUN": str(request.dryRun).lower(),
            "PULUMI_PARALLEL": str(request.parallel),
            "PYTHONUNBUFFERED": "1",
        }
