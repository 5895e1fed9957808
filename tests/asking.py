"""Plain requests over a socket, with whatever headers; no test of its own."""

from __future__ import annotations

import contextlib
import socket

SOCKET = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def ask(
    port: int,
    path: str,
    *headers: str,
    method: str = "GET",
    body: bytes = b"",
    upgrade: bool = False,
    patience: float = 60,
) -> int:
    """The status of the answer to one request; 0 where the connection is closed without one."""
    words = "".join(f"{one}\r\n" for one in headers)
    words += SOCKET if upgrade else f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as s:
        s.sendall(f"{method} {path} HTTP/1.1\r\n{words}\r\n".encode("utf-8", "surrogateescape"))
        with contextlib.suppress(OSError):  # refused before all was read
            s.sendall(body)
        try:
            first = s.recv(200).split(b"\r\n")[0].split(b" ")
        except ConnectionError:
            return 0
    return int(first[1]) if len(first) > 1 else 0
