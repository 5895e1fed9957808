"""What every request passes before Streamlit sees it, the web socket's included: whose page it comes from, and uploads.

It is an ASGI middleware of the server, since Streamlit's own `server.allowedHosts` looks at the web socket only and
knows no address of the machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from mesa_core.cli import hosts

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
UPLOADS = "/_stcore/upload_file"  # Streamlit's route
REFUSED, TOO_LARGE, BUSY = 403, 413, 503  # statuses


@dataclass(frozen=True)
class Uploads:
    """What uploads are bounded by, once a page takes some."""

    size: int  # bytes of one
    number: int  # at a time, of all visitors
    seconds: float  # that one may take
    most_held: int = 1 << 62  # bytes of all that lie in memory and that no page has taken yet
    held: Callable[[], int] = int  # how many these are now


class Door:
    """Refuses requests for foreign hosts, from foreign pages, and uploads where `uploads` is None."""

    def __init__(self, app: Application, names: Iterable[str] = (), uploads: Uploads | None = None) -> None:
        self.app, self.names, self.uploads = app, tuple(names), uploads
        self.taken = 0  # uploads under way

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        found = {name: [v.decode("latin-1") for k, v in scope["headers"] if k == name] for name in (b"host", b"origin")}
        reached = (scope.get("server") or ("",))[0] or ""
        why = hosts.refusal(found[b"host"], found[b"origin"], self.names, reached)
        if why:
            await refuse(scope, send, REFUSED, why)
            return
        if scope["type"] == "http" and UPLOADS in scope["path"]:
            await self.upload(scope, receive, send)
            return
        if found[b"origin"]:  # Streamlit compares the words; else it asks a server outside for this machine's address
            same = found[b"origin"][0].partition("://")[0].lower() + "://" + found[b"host"][0]
            headers = [(k, v) for k, v in scope["headers"] if k != b"origin"]
            scope = {**scope, "headers": [*headers, (b"origin", same.encode("latin-1"))]}
        await self.app(scope, receive, send)

    async def upload(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass an upload on within its bounds."""
        uploads = self.uploads
        if uploads is None:
            await refuse(scope, send, REFUSED, "Nothing can be uploaded here.")
            return
        putting = scope.get("method") == "PUT"  # a browser also asks first whether it may, and deletes
        full = uploads.held() + uploads.size * (self.taken + 1) > uploads.most_held
        if putting and (self.taken >= uploads.number or full):
            await refuse(scope, send, BUSY, "Others are uploading; try again in a moment.")
            return
        end, held = time.monotonic() + uploads.seconds, 0

        async def bounded() -> Message:
            nonlocal held
            message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
            held += len(message.get("body", b""))
            if held > uploads.size:
                raise TooLarge
            return message

        self.taken += 1
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, bounded, noted)
        except (TooLarge, TimeoutError) as error:
            if not begun:
                words = "It is too large." if isinstance(error, TooLarge) else "It took too long."
                await refuse(scope, send, TOO_LARGE, words)
        finally:
            self.taken -= 1


class TooLarge(Exception):
    """More was sent than an upload may hold."""


async def refuse(scope: Message, send: Send, status: int, why: str) -> None:
    """Answer with a sentence; a web socket is closed before it is opened, which a client sees as status 403."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    body = f"{why}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),  # what else was sent is not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
