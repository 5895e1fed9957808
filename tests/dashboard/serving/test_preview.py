"""What a link shows before it is opened."""

import asyncio
import re

import pytest

from dashboard.serving import preview

PAGE = b"<html><head><title>x</title></head><body></body></html>"


def through(path="/", host=b"lab.example", body=PAGE, kind=b"text/html; charset=utf-8", method="GET"):
    """What comes back through the middleware from an application that answers with `body` in two parts."""
    said = []

    async def application(scope, receive, send):
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"etag", b"old")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[:20], "more_body": True})
        await send({"type": "http.response.body", "body": body[20:]})

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": method, "path": path, "scheme": "https", "headers": [(b"host", host), (b"accept", b"text/html")]}  # fmt: skip
    asyncio.run(preview.Preview(application)(scope, None, send))
    return dict(said[0]["headers"]), b"".join(m.get("body", b"") for m in said[1:])


def test_a_page_gets_its_tags_and_its_right_length():
    headers, body = through()
    assert int(headers[b"content-length"]) == len(body)
    assert b"etag" not in headers
    image = re.search(rb'property="og:image" content="([^"]+)"', body)[1]
    assert image == b"https://lab.example/mesa-preview.png"
    assert body.endswith(b"<body></body></html>")


def test_the_picture_that_the_tags_name_is_there():
    headers, body = through("/mesa-preview.png")
    assert headers[b"content-type"] == b"image/png"
    assert body.startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", [b"application/javascript", b"image/png"])
def test_all_else_passes_as_it_is(kind):
    headers, body = through(kind=kind)
    assert body == PAGE
    assert headers[b"etag"] == b"old"


def test_a_host_cannot_write_into_the_page():
    _, body = through(host=b'"><script>alert(1)</script>')
    assert b"<script>" not in body
