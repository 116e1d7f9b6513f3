"""The kubernetes provider's operations: what the engine asks, told in objects.

Owns the life of an object resource as in pulumi-kubernetes 4.34. Leaves reading and writing the cluster to its
neighbours: `apply.py`, `waiting.py`, `checkpoint.py`, `replacement.py`.
"""

# ruff: noqa: ARG002 - the signatures are the protocol's

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2

from ..differences import differences, response
from ..engine import INFO, WARNING
from ..protocol import provider_pb2
from ..provider import InitFailed, StandIn, fail, fail_initialized
from ..values import Properties, decode, encode, has_unknown
from . import checkpoint, configuration, objects, replacement
from .apply import AlreadyExists, Writer
from .cluster import DELETE_PATIENCE, PREVIEW_PATIENCE, ApiError, Cancelled, Cluster, Unreachable
from .configuration import Configuration, ConfigurationError
from .discovery import Discovery, NoMatch
from .naming import NamingDisabled, named
from .objects import Object
from .ownership import Conflict, new_manager
from .readiness import progress
from .waiting import NotReady, Waiter, timeout

SPECIAL = ("kubernetes:helm.sh", "kubernetes:yaml:", "kubernetes:yaml/", "kubernetes:kustomize")
"""Resource types of Pulumi's own provider that are not objects, and not here."""
PROPAGATION = {"foreground": "Foreground", "background": "Background", "orphan": "Orphan"}


class KubernetesProvider(StandIn):
    """Any object of any kind, on the cluster of one Provider resource."""

    name = "kubernetes"
    version = "4.34.2+fjordkube"

    def __init__(self) -> None:
        super().__init__()
        self._configure(Configuration(kubeconfig=None))

    def _configure(self, settings: Configuration) -> None:
        self._settings = settings
        self._cluster = Cluster(settings)
        self._discovery = Discovery(self._cluster)
        self._writer = Writer(self._cluster, self._discovery, settings)
        self._waiter = Waiter(self._cluster, self._writer)

    def stop(self) -> None:
        self._cluster.cancelled.set()

    # The provider's own configuration.

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        news = decode(request.news)
        failures = [
            provider_pb2.CheckFailure(property=key, reason=f"{key} is not supported by fjordkube's stand-in")
            for key in configuration.REFUSED
            if news.get(key)
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        old, new = decode(request.olds), decode(request.news)
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        replaces = [key for key in configuration.another_cluster(old, new) if key in changed]
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed, replaces=replaces)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        try:
            self._configure(configuration.read(request.variables))
        except ConfigurationError as error:
            fail(context, str(error))
        return super().Configure(request, context)

    # Objects.

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        kind = request.urn.split("::")[2].rpartition("$")[2]
        if kind.startswith(SPECIAL) or kind.endswith(("Patch", "List")):
            fail(context, f"{kind} is not part of fjordkube's stand-in; use the official kubernetes plugin")
        declared = decode(request.news)
        old = checkpoint.from_inputs(decode(request.olds)) if request.HasField("olds") and request.olds.fields else None
        if self._settings.skip_update_unreachable and old and self._cluster.unreachable(PREVIEW_PATIENCE):
            self.engine.log(request.urn, "the cluster is unreachable; skipUpdateUnreachable keeps what was", WARNING)
            return provider_pb2.CheckResponse(inputs=request.olds)
        inputs = checkpoint.from_inputs(declared)
        options = request.autonaming if request.HasField("autonaming") else None
        try:
            inputs = named(inputs, old, request.urn, request.randomSeed, options)
        except NamingDisabled as error:
            failure = provider_pb2.CheckFailure(property="metadata.name", reason=str(error))
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])
        failures = [
            provider_pb2.CheckFailure(property=key, reason=f"missing required property {key!r}")
            for key in ("apiVersion", "kind")
            if not inputs.get(key)
        ]
        if objects.metadata(inputs).get("generateName") and not objects.metadata(declared).get("name"):
            reason = "generateName goes not together with server-side apply; leave it out or give a name"
            failures.append(provider_pb2.CheckFailure(property="metadata.generateName", reason=reason))
        if (
            self._settings.namespace
            and not objects.namespace(inputs)
            and inputs.get("kind") not in (objects.CLUSTER_SCOPED)
        ):
            inputs = {**inputs, "metadata": {**objects.metadata(inputs), "namespace": self._settings.namespace}}
        return provider_pb2.CheckResponse(inputs=encode(checkpoint.checked(inputs, declared)), failures=failures)

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        state, new = checkpoint.parse(decode(request.olds)), checkpoint.from_inputs(decode(request.news))
        old = _comparable(objects.writable(state.inputs), state.live)
        new = _comparable(new, state.live)
        answer = response(
            differences(old, new),
            lambda path: replacement.forces(new, old, self._settings, path),
            request.ignoreChanges,
        )
        same_place = objects.name(new) == objects.name(state.live) and objects.namespace(new) == objects.namespace(old)
        answer.deleteBeforeReplace = (
            bool(answer.replaces) and same_place and not objects.is_true(new, objects.AUTONAMED)
        )
        return answer

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        declared = decode(request.properties)
        inputs = checkpoint.from_inputs(declared)
        if request.preview and not self._can_preview(inputs):
            return provider_pb2.CreateResponse(properties=request.properties)
        manager = objects.annotation(inputs, objects.FIELD_MANAGER) or new_manager()
        with self._answers(context, f"{objects.title(inputs)} was not created"):
            try:
                live = self._writer.create(inputs, manager, preview=request.preview)
            except (AlreadyExists, NoMatch, Unreachable, ApiError) as error:
                if request.preview and _previewable(error):
                    return provider_pb2.CreateResponse(properties=request.properties)
                raise
            if objects.is_crd(live):
                self._discovery.forget()
            if request.preview:
                live.pop("status", None)
                state = checkpoint.state(inputs, live, declared, inputs["apiVersion"], manager)
                return provider_pb2.CreateResponse(properties=encode(state))
            live = self._await(
                context, request.urn, inputs, live, declared, inputs["apiVersion"], manager, request.timeout
            )
        state = checkpoint.state(inputs, live, declared, inputs["apiVersion"], manager)
        return provider_pb2.CreateResponse(id=objects.identity(live), properties=encode(state))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        old, declared = checkpoint.parse(decode(request.olds)), decode(request.news)
        inputs = checkpoint.from_inputs(declared)
        if request.preview and not self._can_preview(inputs):
            return provider_pb2.UpdateResponse(properties=request.news)
        manager = objects.annotation(inputs, objects.FIELD_MANAGER) or old.field_manager or new_manager()
        with self._answers(context, f"{objects.title(inputs)} was not updated"):
            try:
                live = self._writer.update(inputs, old.live, manager, request.ignoreChanges, preview=request.preview)
            except (NoMatch, Unreachable, ApiError) as error:
                if request.preview and _previewable(error):
                    return provider_pb2.UpdateResponse(properties=request.news)
                raise
            if objects.is_crd(live) and not request.preview:
                self._discovery.forget()
            initial = old.initial_api_version or inputs["apiVersion"]
            if not request.preview:
                live = self._await(context, request.urn, inputs, live, declared, initial, manager, request.timeout)
                if old.field_manager and old.field_manager != manager:
                    self._writer.relinquish(live, old.field_manager)
        state = checkpoint.state(inputs, live, declared, initial, manager)
        return provider_pb2.UpdateResponse(properties=encode(state))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        declared, state = decode(request.inputs), checkpoint.parse(decode(request.properties))
        inputs = checkpoint.from_inputs(declared)
        target = _target(request.urn, request.id, inputs, state.live)
        if self._settings.delete_unreachable and (why := self._cluster.unreachable(DELETE_PATIENCE)):
            self.engine.log(request.urn, f"the cluster is unreachable ({why}); it is dropped from the state", INFO)
            return provider_pb2.ReadResponse()
        with self._answers(context, f"{objects.title(target)} could not be read"):
            live = self._writer.read(target)
        if live is None:
            return provider_pb2.ReadResponse()
        if not inputs.get("kind"):
            # `pulumi import` and `.get`: what the object says of itself is all there is.
            found = objects.writable({key: value for key, value in live.items() if key != "status"})
        else:
            found = objects.drifted(inputs, state.live, live)
        initial = state.initial_api_version or live["apiVersion"]
        properties = encode(checkpoint.state(found, live, declared, initial, state.field_manager or new_manager()))
        marked = encode(checkpoint.checked(found, declared))
        now = progress(live)
        if inputs.get("kind") and not now.ready and not objects.is_true(inputs, objects.SKIP_AWAIT):
            message = f"{objects.title(live)} {now.message}"
            error = InitFailed(request.id, properties, [message])
            error.detail.inputs.CopyFrom(marked)
            fail_initialized(context, message, error)
        return provider_pb2.ReadResponse(id=request.id, properties=properties, inputs=marked)

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        properties = decode(request.properties)
        state, declared = checkpoint.parse(properties), properties.get(checkpoint.INPUTS) or {}
        live = state.live
        if self._settings.delete_unreachable and (why := self._cluster.unreachable(DELETE_PATIENCE)):
            self.engine.log(
                request.urn,
                f"the cluster is unreachable ({why}); deleteUnreachable drops {objects.title(live)} from the state",
                WARNING,
            )
            return empty_pb2.Empty()
        asked = objects.annotation(state.inputs, objects.PROPAGATION)
        policy = PROPAGATION.get(asked.lower(), "Foreground")
        with self._answers(context, f"{objects.title(live)} was not deleted"):
            try:
                if self._writer.delete(live, policy) and not objects.is_true(state.inputs, objects.SKIP_AWAIT):
                    seconds = timeout(state.inputs, request.timeout)
                    self._waiter.gone(live, seconds, lambda line: self.engine.status(request.urn, line))
            except NotReady as late:
                kept = checkpoint.state(
                    state.inputs, late.live, declared, state.initial_api_version, state.field_manager
                )
                failed = InitFailed(request.id, encode(kept), late.reasons)
                fail_initialized(context, "\n".join(late.reasons), failed)
        if objects.is_crd(live):
            self._discovery.forget()
        return empty_pb2.Empty()

    def _can_preview(self, inputs: Object) -> bool:
        """Whether the server can be asked what would come of the inputs."""
        return not has_unknown(inputs) and not self._cluster.unreachable(PREVIEW_PATIENCE)

    def _await(
        self,
        context: grpc.ServicerContext,
        urn: str,
        inputs: Object,
        live: Object,
        declared: Properties,
        initial: str,
        manager: str,
        given: float,
    ) -> Object:
        """The live object once ready; a failure keeps its state, so that the next update tries again."""
        if objects.is_true(inputs, objects.SKIP_AWAIT):
            return live
        try:
            live = self._waiter.ready(live, timeout(inputs, given), lambda line: self.engine.status(urn, line))
        except NotReady as error:
            state = encode(checkpoint.state(inputs, error.live, declared, initial, manager))
            failed = InitFailed(objects.identity(error.live), state, error.reasons)
            text = "the object was written, but did not become ready:\n" + "\n".join(error.reasons)
            fail_initialized(context, text, failed)
        self.engine.status(urn, "")
        return live

    @contextmanager
    def _answers(self, context: grpc.ServicerContext, title: str) -> Iterator[None]:
        """End the call with a message for each way a cluster can fail."""
        try:
            yield
        except NoMatch as error:
            fail(context, f"{title}: {error}; a CustomResourceDefinition must be made before its objects (depends_on)")
        except Unreachable as error:
            fail(
                context,
                f"{title}: the cluster is unreachable: {error}. If it is gone for good, set "
                "PULUMI_K8S_DELETE_UNREACHABLE=true to drop its objects from the state",
            )
        except (ApiError, AlreadyExists, Conflict, Cancelled) as error:
            fail(context, f"{title}: {error}")


def _previewable(error: Exception) -> bool:
    """Whether a preview goes on without the server's word: things it needs may come in the same run."""
    if isinstance(error, ApiError):
        return error.code in (403, 404)
    return True


def _comparable(obj: Object, live: Mapping[str, Any]) -> Object:
    """With the namespace as the API understands it: `default` unless named, none for kinds without namespaces."""
    metadata = dict(objects.metadata(obj))
    metadata.pop("namespace", None)
    if objects.namespace(live) or obj.get("kind") not in objects.CLUSTER_SCOPED:
        metadata["namespace"] = objects.namespace(obj) or "default"
    if not objects.namespace(live) and live.get("kind"):
        metadata.pop("namespace", None)
    return {**obj, "metadata": metadata}


def _target(urn: str, identity: str, inputs: Object, live: Object) -> Object:
    """The object to read: by its inputs, else by the live one in the state, else by type and id (an import)."""
    known = inputs if inputs.get("kind") else live
    space, _, name = identity.rpartition("/")
    if known.get("kind"):
        api_version, kind = known["apiVersion"], known["kind"]
    else:
        _, group_version, kind = urn.split("::")[2].rpartition("$")[2].split(":")
        api_version = group_version.removeprefix("core/")
    metadata = {"name": name, **({"namespace": space} if space else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}
