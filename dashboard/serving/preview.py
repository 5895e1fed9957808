"""What a link shows before it is opened: a picture and a sentence, in the tags that messengers and slides read.

Streamlit serves one fixed page whatever the address, so that its tags can only be added on the way out, here. They need
whole addresses; the host is that of the request, which the door has checked before.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from dashboard.serving.door import Application, Message, Receive, Send
from mesa_core.store.shipped import assets_dir

PICTURE = "/mesa-preview.png"
TITLE = "MESA Lab: break a network, then heal it"
SAYS = "Paint nine pixels and a network reads every road sign as a stop sign. See why so many triggers work, and watch it forget them."
LARGEST = 200_000  # bytes of a page that is looked through


def picture() -> Path:
    """The shipped picture of the page."""
    return assets_dir() / "lab.png"


class Preview:
    """Adds the tags to the page and serves its picture."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
        elif scope["path"].endswith(PICTURE):
            await serve(scope, send)
        else:
            await self.app(plain(scope), receive, Tagged(scope, send))


def plain(scope: Message) -> Message:
    """The request for a page without a wish for compression, which would hide its text; others as they are."""
    wanted = next((v for k, v in scope["headers"] if k == b"accept"), b"")
    if b"text/html" not in wanted:
        return scope
    return {**scope, "headers": [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]}


class Tagged:
    """Sends an answer on; one that is a page only once it is whole, with the tags in its head."""

    def __init__(self, scope: Message, send: Send) -> None:
        self.scope, self.send = scope, send
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            about = dict(message["headers"])
            size = int(about.get(b"content-length", b"0") or 0)
            if message["status"] == 200 and about.get(b"content-type", b"").startswith(b"text/html") and 0 < size <= LARGEST and b"content-encoding" not in about:  # fmt: skip
                self.start = message
                return
        if self.start is None:
            await self.send(message)
            return
        self.body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self.body.replace(b"</head>", tags(self.scope) + b"</head>", 1)
        kept = [(k, v) for k, v in self.start["headers"] if k not in (b"content-length", b"etag")]
        await self.send({**self.start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
        await self.send({"type": "http.response.body", "body": body if self.scope["method"] == "GET" else b""})


def tags(scope: Message) -> bytes:
    """The tags for a request."""
    host = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"host"), "localhost")
    root = f"{scope.get('scheme', 'http')}://{host}{scope.get('root_path', '')}"
    told: dict[str, Any] = {
        "og:title": TITLE, "og:description": SAYS, "og:type": "website", "og:image": f"{root}{PICTURE}",
        "og:site_name": "MESA Lab", "twitter:card": "summary_large_image",
    }  # fmt: skip
    lines = "".join(f'<meta property="{html.escape(k)}" content="{html.escape(v)}">' for k, v in told.items())
    return f'<meta name="description" content="{html.escape(SAYS)}">{lines}'.encode()


async def serve(scope: Message, send: Send) -> None:
    """The picture; 404 where it is missing."""
    try:
        body, status = picture().read_bytes(), 200
    except OSError:
        body, status = b"", 404
    headers = [(b"content-type", b"image/png"), (b"content-length", str(len(body)).encode()), (b"cache-control", b"max-age=3600"),
               (b"x-content-type-options", b"nosniff")]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})
