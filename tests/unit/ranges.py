"""A file, or the rest of one, as servers of tests answer with it."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler


def begin(handler: BaseHTTPRequestHandler, size: int) -> int | None:
    """Sends status and headers for a file of that size; where its bytes begin, None where there are none (416)."""
    start = int(handler.headers.get("Range", "").removeprefix("bytes=").rstrip("-") or 0)
    if start and start >= size:
        handler.send_response(416)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return None
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
    handler.send_header("Content-Length", str(size - start))
    handler.end_headers()
    return start
