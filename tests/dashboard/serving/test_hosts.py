"""Whose requests the page obeys."""

import asyncio
from dataclasses import replace

import pytest

from dashboard.serving.door import Door, Uploads
from mesa_core.cli import hosts

HERE = "127.0.0.1"
FINE = [
    (["localhost:8501"], [], ()),
    (["localhost:8501"], ["http://localhost:8501"], ()),
    (["LocalHost.:8501"], ["http://localhost:8501"], ()),
    (["lab.localhost"], ["http://lab.localhost"], ()),
    (["127.0.0.1:8501"], ["http://127.0.0.1:8501"], ()),
    (["127.8.9.1:8501"], ["http://127.8.9.1:8501"], ()),
    (["[::1]:8501"], ["http://[::1]:8501"], ()),
    (["[0:0:0:0:0:0:0:1]:8501"], ["http://[::1]:8501"], ()),
    (["lab.example"], ["https://lab.example"], ("lab.example",)),
    (["lab.example:443"], ["https://LAB.example"], ("lab.example",)),
    (["a.lab.example"], ["https://a.lab.example"], ("*.lab.example",)),
    (["10.0.0.9:8501"], ["http://10.0.0.9:8501"], ("10.0.0.9",)),
]
FOREIGN = [
    (["evil.example:8501"], ["http://evil.example:8501"], ()),
    (["evil.example"], [], ()),
    (["localhost.evil.example"], [], ()),
    (["notlocalhost"], [], ()),
    (["127.0.0.1.evil.example"], [], ()),
    (["127.1:8501"], [], ()),
    (["0x7f000001"], [], ()),
    (["0.0.0.0:8501"], [], ()),
    (["10.0.0.9:8501"], ["http://10.0.0.9:8501"], ()),
    (["lab.example"], [], ("*.lab.example",)),
    (["evillab.example"], [], ("lab.example", "*.lab.example")),
    (["localhost@evil.example"], [], ()),
    (["evil.example#localhost"], [], ()),
    (["localhost", "evil.example"], [], ()),
    (["localhost,evil.example"], [], ()),
    ([""], [], ()),
    ([], [], ()),
    (["localhost:99999"], [], ()),
    (["[::1"], [], ()),
    (["l\u00f6calhost"], [], ()),
    (["localhost:8501"], ["http://evil.example:8501"], ()),
    (["localhost:8501"], ["http://localhost:9999"], ()),
    (["localhost:8501"], ["http://127.0.0.1:8501"], ()),
    (["localhost:8501"], ["null"], ()),
    (["localhost:8501"], ["file://"], ()),
    (["localhost:8501"], ["chrome-extension://localhost:8501"], ()),
    (["localhost:8501"], ["http://localhost:8501@evil.example"], ()),
    (["localhost:8501"], ["http://localhost:8501", "http://evil.example"], ()),
    (["localhost:8501"], ["http://localhost:8501, http://evil.example"], ()),
    (["localhost:8501"], [""], ()),
]


@pytest.mark.parametrize(("host", "origin", "names"), FINE)
def test_own_names_are_answered(host, origin, names):
    assert hosts.refusal(host, origin, names, HERE) == ""


@pytest.mark.parametrize(("host", "origin", "names"), FOREIGN)
def test_foreign_names_and_pages_are_refused(host, origin, names):
    assert hosts.refusal(host, origin, names, HERE) != ""


def test_a_literal_address_is_answered_where_the_request_came_in_on_it():
    assert hosts.refusal(["10.0.0.9:8501"], ["http://10.0.0.9:8501"], (), "10.0.0.9") == ""
    assert hosts.refusal(["10.0.0.9:8501"], [], (), "::ffff:10.0.0.9") == ""
    assert hosts.refusal(["[fe80::1]:8501"], [], (), "fe80::1%eth0") == ""
    assert hosts.refusal(["10.0.0.8:8501"], [], (), "10.0.0.9") != ""


def test_the_setting_is_read_and_what_is_no_name_is_left_out():
    words = "Lab.Example., *.school.example b\u00fccher.example http://x.example y.example:80 * 10.0.0.9,[::1]"
    assert hosts.named(words) == ("lab.example", "*.school.example", "xn--bcher-kva.example", "10.0.0.9", "::1")
    assert hosts.named("") == ()


def through(scope, uploads=None, body=b"", names=()):
    """What the door answers: the status, or what the application was given."""
    said, given = [], {}

    async def application(scope, receive, send):
        given.update(scope, body=(await receive()).get("body", b""))
        await send({"type": "http.response.start", "status": 204})

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        said.append(message)

    asyncio.run(Door(application, names, uploads)(scope, receive, send))
    return said, given


def scope(kind="http", host=b"localhost:8501", path="/", method="GET", **headers):
    named = [(k.encode(), v) for k, v in headers.items()]
    return {"type": kind, "path": path, "method": method, "headers": [(b"host", host), *named], "server": (HERE, 8501)}


def test_a_refused_page_is_told_why_and_a_refused_socket_is_closed():
    said, given = through(scope(host=b"evil.example"))
    assert (said[0]["status"], given) == (403, {})
    assert b"MESA_LAB_HOSTS" in said[1]["body"]
    said, given = through(scope("websocket", host=b"evil.example"))
    assert (said[0]["type"], given) == ("websocket.close", {})


def test_nothing_is_uploaded_where_nothing_uploads():
    said, given = through(scope(path="/lab/_stcore/upload_file/a/b", method="PUT"), body=b"x" * 10)
    assert (said[0]["status"], given) == (403, {})


def test_an_upload_is_bounded_once_there_is_one():
    path, few = "/_stcore/upload_file/a/b", Uploads(size=10, number=1, seconds=5)
    put = scope(path=path, method="PUT")
    assert through(put, few, b"x" * 10)[0][0]["status"] == 204
    assert through(put, few, b"x" * 11)[0][0]["status"] == 413
    assert through(put, Uploads(size=10, number=0, seconds=5), b"x")[0][0]["status"] == 503
    full = Uploads(size=10, number=1, seconds=5, most_held=25, held=lambda: 16)
    assert through(put, full, b"x")[0][0]["status"] == 503
    assert through(put, replace(full, held=lambda: 15), b"x")[0][0]["status"] == 204
    assert through(scope(path=path, method="DELETE"), full, b"")[0][0]["status"] == 204  # makes room


def test_streamlit_is_given_the_origin_as_the_host_is_spelled():
    _, given = through(scope(host=b"LocalHost:8501", origin=b"http://localhost:8501"))
    assert dict(given["headers"])[b"origin"] == b"http://LocalHost:8501"
