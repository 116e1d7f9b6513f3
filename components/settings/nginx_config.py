"""ingress-nginx's ConfigMap as a closed table: every key that this project takes, with type, unit and range.

Owns the keys by their ConfigMap names. A closed table, because the controller ignores a key that it does not know:
a misspelt or retired one would tune nothing, silently. Fields that default to None are not written, so that the
controller's own default (named in the docstring, v1.15.1) holds. Keys that take raw nginx text are left out on
purpose: whoever may write them may read every secret of the controller.

Sources: `config.go` and `defaults/main.go` of ingress-nginx v1.11 to v1.15.1 for names, types and defaults; the
2018 article for the tuned values. Bounds are nginx's own where it has some, read in its sources at 3f6f7824d (April
2026): times and sizes in src/core/ngx_parse.c, hash tables in src/core/ngx_hash.c, header buffers, error pages and
limits in src/http/ngx_http_core_module.c, proxy buffers in src/http/modules/ngx_http_proxy_module.c, sessions in
src/http/modules/ngx_http_ssl_module.c, connections in src/event/ngx_event.c; the controller's own in ingress-nginx at
dbb11b92d (March 2026). Others are ours, wide, against slips of a digit.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from fjordkube.settings.base import Settings
from fjordkube.settings.types import (
    Cidr,
    Count,
    Flag,
    HeaderBuffers,
    NginxSize,
    NginxTime,
    Whole,
    WorkerProcesses,
    millis,
    refusal,
    shown,
    size_bytes,
    within,
)

Seconds = Annotated[int, Field(strict=True, ge=1, le=86400)]
SecondsOrZero = Annotated[int, Field(strict=True, ge=0, le=86400)]
Tries = Annotated[int, Field(strict=True, ge=0, le=100)]
Bytes = Annotated[int, Field(strict=True, ge=0, le=2**40)]
# nginx's own default at the least: of 32 it could not build its table of headers (nginx -t, 1.26)
HashSize = Annotated[int, Field(strict=True, ge=512, le=65536)]
# nginx's own: a cache line at least, and 64 KiB less one at most (ngx_hash_init)
HashBucket = Annotated[int, Field(strict=True, ge=64, le=65472)]
HeaderBuffer = Annotated[NginxSize, within("256", "1m", size_bytes)]
Buffer = Annotated[NginxSize, within("1k", "16m", size_bytes)]
CompressionLevel = Annotated[int, Field(strict=True, ge=1, le=9)]
RefusalStatus = Annotated[int, Field(strict=True, ge=400, le=599)]
# a bucket of nginx's proxy_headers_hash, 64 bytes, holds a pointer, the name, its length and the end (ngx_hash_init)
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,46}$")]
OnOff = Literal["on", "off"]
# the controller's http-redirect-code (ingress-nginx, internal/ingress/controller/config/config.go)
_REDIRECT = 308


def _seconds(value: str) -> str:
    if value.endswith("ms"):
        raise refusal(f"{shown(value)} is in milliseconds, which nginx does not take here", "use seconds, e.g. 600s")
    return value


def _go(value: str) -> str:
    if value.endswith("d"):
        raise refusal(f"{shown(value)} is in days, which the controller cannot read", "use s, m or h, e.g. 5s")
    return value


def _connections(value: int) -> int:
    if 0 < value < 1024:
        raise refusal(f"{value} is too small: listening sockets are among them", "use 1024 or more, or 0")
    return value


def _error(value: int) -> int:
    if value == 499:
        raise refusal("499 is nginx's own, for clients that went away, and takes no page", "remove it")
    return value


HttpError = Annotated[int, Field(strict=True, ge=300, le=599), AfterValidator(_error)]


def _key(name: str) -> str:
    return name.replace("_", "-")


class NginxConfig(Settings):
    """nginx's tuning; keys are written with dashes, as in the ConfigMap."""

    model_config = ConfigDict(alias_generator=_key, validate_by_name=True, validate_by_alias=True)

    # --- Workers and connections -----------------------------------------------------------------------------------
    worker_processes: WorkerProcesses = "auto"
    """Worker processes: a number, or auto for one per CPU. Source: the article."""
    max_worker_connections: Annotated[Whole, Field(ge=0, le=1048576), AfterValidator(_connections)] = 10240
    """Connections per worker, clients and upstreams together, e.g. 10240; at least 1024, or 0 for the open-file
    limit. Source: the article's worker-connections (controller: 16384)."""
    max_worker_open_files: Annotated[Whole, Field(ge=0, le=1048576)] | None = None
    """Open files per worker, e.g. 65536; 0 or None takes the system's limit less 1024."""
    worker_shutdown_timeout: Annotated[NginxTime, within("0s", "1d", millis)] = "240s"
    """How long old workers may finish requests after a reload, e.g. 240s (the controller's default); at most 1d. Long
    ones keep gRPC on dead pods (ingress-nginx#11515), short ones cut requests."""
    worker_cpu_affinity: Literal["auto"] | None = None
    """auto binds each worker to a CPU. None: the kernel decides."""
    enable_multi_accept: Flag | None = None
    """Take all waiting connections at once; controller: true."""
    reuse_port: Flag = True
    """A listening socket per worker, so that the kernel spreads connections (the controller's default, stated because
    the tuning relies on it)."""

    # --- Clients ---------------------------------------------------------------------------------------------------
    keep_alive: SecondsOrZero = 65
    """How long an idle client connection is kept, in seconds, e.g. 65; 0 closes at once. Source: the article
    (controller: 75)."""
    keep_alive_requests: Count | None = None
    """Requests over one client connection, e.g. 1000; controller: 1000."""
    client_header_buffer_size: HeaderBuffer | None = None
    """Buffer for request headers, e.g. 1k; controller: 1k."""
    client_header_timeout: Seconds | None = None
    """Time to send the headers, in seconds; controller: 60."""
    client_body_buffer_size: Buffer | None = None
    """Buffer for request bodies, e.g. 8k; controller: 8k."""
    client_body_timeout: Seconds | None = None
    """Time between two reads of the body, in seconds; controller: 60."""
    large_client_header_buffers: HeaderBuffers | None = None
    """Number and size of buffers for large headers, e.g. 4 8k; controller: 4 8k."""
    proxy_body_size: NginxSize | None = None
    """Greatest request body, e.g. 8m; 0 is unlimited; controller: 1m."""
    http2_max_concurrent_streams: Annotated[Whole, Field(ge=1, le=65535)] | None = None
    """Streams in one HTTP/2 connection; controller: 128."""
    use_http2: Flag | None = None
    """HTTP/2 over TLS; controller: true."""
    limit_rate: Bytes | None = None
    """Bytes per second of one response; 0 is unlimited; controller: 0."""
    limit_rate_after: Bytes | None = None
    """Bytes of a response before `limit-rate` holds; controller: 0."""
    limit_req_status_code: RefusalStatus | None = None
    """Status of a request refused by rate, e.g. 429; controller: 503."""
    limit_conn_status_code: RefusalStatus | None = None
    """Status of a connection refused by number, e.g. 429; controller: 503."""
    enable_underscores_in_headers: Flag | None = None
    """Keep headers with underscores in their names; controller: false."""
    ignore_invalid_headers: Flag | None = None
    """Drop headers with invalid names; controller: true."""

    # --- Upstreams -------------------------------------------------------------------------------------------------
    upstream_keepalive_connections: Annotated[Whole, Field(ge=0, le=65536)] = 100
    """Idle connections to pods that each worker keeps, e.g. 100. Source: the article (controller: 320; busy sites
    1024)."""
    upstream_keepalive_requests: Annotated[Whole, Field(ge=1, le=1000000000)] = 10000
    """Requests over one upstream connection, e.g. 10000 (the controller's default)."""
    upstream_keepalive_timeout: Seconds = 60
    """How long an idle upstream connection is kept, in seconds, e.g. 60 (the controller's default)."""
    upstream_keepalive_time: NginxTime | None = None
    """Greatest age of an upstream connection, e.g. 1h; controller: 1h."""
    load_balance: Literal["round_robin", "ewma"] | None = None
    """How a pod is picked; controller: round_robin."""
    proxy_connect_timeout: Annotated[Whole, Field(ge=1, le=75)] | None = None
    """Time to connect to a pod, in seconds; nginx allows about 75 at most; controller: 5."""
    proxy_read_timeout: Seconds | None = None
    """Time between two reads from a pod, in seconds; controller: 60."""
    proxy_send_timeout: Seconds | None = None
    """Time between two writes to a pod, in seconds; controller: 60."""
    proxy_buffering: OnOff | None = None
    """Read a pod's response ahead of the client; controller: off. In YAML, quote it: "on"."""
    proxy_request_buffering: OnOff | None = None
    """Read the whole request before a pod gets it; controller: on. In YAML, quote it: "off"."""
    proxy_buffers_number: Annotated[Whole, Field(ge=3, le=1024)] | None = None
    """Buffers per response; nginx wants two beside the one that is busy; controller: 4."""
    proxy_buffer_size: Buffer | None = None
    """Buffer for the first part of a response, e.g. 16k; controller: 4k."""
    proxy_max_temp_file_size: NginxSize | None = None
    """Greatest temporary file of a buffered response, e.g. 0 for none, else 16m or more; controller: 1024m."""
    proxy_next_upstream_timeout: SecondsOrZero | None = None
    """Time to try other pods, in seconds; 0 is unlimited; controller: 0."""
    proxy_next_upstream_tries: Tries | None = None
    """Pods to try; 0 is unlimited; controller: 3."""
    retry_non_idempotent: Flag | None = None
    """Try another pod for POST, LOCK and PATCH too; controller: false."""
    service_upstream: Flag | None = None
    """Send to the Service's address, through kube-proxy, in place of the pods'; controller: false."""

    # --- Who the client is -----------------------------------------------------------------------------------------
    use_forwarded_headers: Flag | None = None
    """Trust X-Forwarded-* of a balancer in front; controller: false."""
    compute_full_forwarded_for: Flag | None = None
    """Append to X-Forwarded-For in place of replacing it; controller: false."""
    enable_real_ip: Flag | None = None
    """Take the client's address from a header; controller: false."""
    use_proxy_protocol: Flag | None = None
    """Expect the PROXY protocol from a balancer in front; controller: false."""
    proxy_protocol_header_timeout: Annotated[NginxTime, within("1ms", "1h", millis), AfterValidator(_go)] | None = None
    """Time to send the PROXY header, e.g. 5s; without days, which the controller cannot read; controller: 5s."""
    proxy_real_ip_cidr: list[Cidr] | None = None
    """Balancers whose word is taken, e.g. [10.0.0.0/24]; controller: all."""
    whitelist_source_range: list[Cidr] | None = None
    """Clients let in, e.g. [10.0.0.0/8]; controller: all."""
    denylist_source_range: list[Cidr] | None = None
    """Clients kept out, e.g. [198.51.100.0/24]; controller: none."""
    block_cidrs: list[Cidr] | None = None
    """Clients whose requests get 403 everywhere, e.g. [198.51.100.0/24]; controller: none."""
    generate_request_id: Flag | None = None
    """Give requests without an X-Request-ID one; controller: true."""
    use_geoip2: Flag = False
    """GeoIP2 look-ups. Off: costs memory and needs a licensed database. Source: the article's use-geoip."""

    # --- TLS -------------------------------------------------------------------------------------------------------
    ssl_protocols: Literal["TLSv1.2 TLSv1.3", "TLSv1.3", "TLSv1.2"] | None = None
    """TLS versions; none below 1.2; controller: TLSv1.2 TLSv1.3."""
    ssl_redirect: Flag | None = None
    """Send HTTP to HTTPS where a host has a certificate; controller: true."""
    force_ssl_redirect: Flag | None = None
    """Send HTTP to HTTPS everywhere; controller: false."""
    http_redirect_code: Literal[301, 302, 307, 308] | None = None
    """Status of redirects; controller: 308."""
    ssl_session_cache: Flag | None = None
    """A session cache shared by workers; controller: true."""
    ssl_session_cache_size: Annotated[NginxSize, within("32k", "1024m", size_bytes)] | None = None
    """Size of that cache, e.g. 10m (about 40,000 sessions); nginx takes none below 32k; controller: 10m."""
    ssl_session_timeout: Annotated[NginxTime, within("1s", "365d", millis), AfterValidator(_seconds)] | None = None
    """Age of a session, e.g. 10m, in whole seconds; controller: 10m."""
    ssl_session_tickets: Flag | None = None
    """Session tickets; controller: false."""
    ssl_buffer_size: Annotated[NginxSize, within("512", "1m", size_bytes)] | None = None
    """Buffer of TLS writes, e.g. 4k; controller: 4k."""
    ssl_early_data: Flag | None = None
    """TLS 1.3 early data, which can be replayed; controller: false."""
    ssl_reject_handshake: Flag | None = None
    """Refuse TLS for unknown hosts; controller: false."""
    hsts: Flag | None = None
    """Strict-Transport-Security; controller: true."""
    hsts_include_subdomains: Flag | None = None
    """... for subdomains too; controller: true."""
    hsts_max_age: Annotated[Whole, Field(ge=0, le=2147483647)] | None = None
    """... for this many seconds; controller: 31536000."""
    hsts_preload: Flag | None = None
    """... and in browsers' lists; controller: false."""

    # --- Compression -----------------------------------------------------------------------------------------------
    use_gzip: Flag | None = None
    """Compress responses; controller: false."""
    gzip_level: CompressionLevel | None = None
    """1 (fast) to 9 (small); controller: 1."""
    gzip_min_length: Bytes | None = None
    """Least response that is compressed, in bytes; controller: 256."""

    # --- Hash tables -----------------------------------------------------------------------------------------------
    map_hash_bucket_size: HashBucket | None = None
    """Bucket of map tables, in bytes; controller: 64."""
    server_name_hash_max_size: HashSize | None = None
    """Table of host names; grow it with thousands of hosts; controller: 1024."""
    server_name_hash_bucket_size: HashBucket | None = None
    """Bucket of that table, in bytes; controller: by the longest name."""
    proxy_headers_hash_max_size: HashSize | None = None
    """Table of headers to pods; controller: 512."""
    proxy_headers_hash_bucket_size: HashBucket | None = None
    """Bucket of that table, in bytes; controller: 64."""
    variables_hash_max_size: HashSize | None = None
    """Table of variables; controller: 2048."""
    variables_hash_bucket_size: HashBucket | None = None
    """Bucket of that table, in bytes; controller: 256."""

    # --- Logs and headers ------------------------------------------------------------------------------------------
    disable_access_log: Flag | None = None
    """No access log; controller: false."""
    enable_access_log_for_default_backend: Flag | None = None
    """Log requests to no known host; controller: false."""
    log_format_escape_json: Flag | None = None
    """Escape variables in the log for JSON; controller: false."""
    error_log_level: Literal["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"] | None = None
    """Least level of the error log; controller: notice."""
    server_tokens: Flag | None = None
    """Tell nginx's version; controller: false."""
    hide_headers: list[HeaderName] | None = None
    """Pods' response headers that clients do not get, e.g. [X-Powered-By]; controller: none."""
    custom_http_errors: list[HttpError] | None = None
    """Statuses that the default backend answers, e.g. [404, 503]; controller: none."""

    # --- Safety ----------------------------------------------------------------------------------------------------
    allow_snippet_annotations: Flag = False
    """Raw nginx text in Ingress annotations. Off: whoever may write an Ingress could read the controller's secrets
    (CVE-2021-25742)."""
    allow_cross_namespace_resources: Flag | None = None
    """Annotations may name Secrets of other namespaces; controller: true in v1.11, false from v1.12."""
    annotations_risk_level: Literal["Low", "Medium", "High", "Critical"] | None = None
    """Greatest risk of an annotation that is accepted; controller: Critical in v1.11, High from v1.12."""
    strict_validate_path_type: Flag | None = None
    """Exact and Prefix paths hold plain characters only; controller: false in v1.11, true from v1.12."""
    disable_ipv6: Flag | None = None
    """Do not listen on IPv6; controller: false."""
    disable_ipv6_dns: Flag | None = None
    """Do not ask DNS for IPv6 addresses; controller: false."""

    @property
    def https_redirect(self) -> int | None:
        """Status with which HTTP is sent to HTTPS everywhere; None: it is not."""
        return (self.http_redirect_code or _REDIRECT) if self.force_ssl_redirect else None

    def config_map(self) -> dict[str, str]:
        """The ConfigMap's `data`: keys with dashes, every value as text, in the order above; what is None is left
        out."""
        values = {_key(name): getattr(self, name) for name in type(self).model_fields}
        return {key: _text(value) for key, value in values.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value)
