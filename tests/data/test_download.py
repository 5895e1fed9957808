"""The download goes on from wherever it was cut, whatever kind of server it meets, and replaces nobody's file."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesa_core.data import download
from mesa_core.data.locate import ARCHIVE, DataError
from mesa_core.disk.errors import Closed

DATA = bytes(range(256)) * 4000
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """`how` it answers: 'ranges', 'whole' (knows no ranges), 'short' (ends early), 'odd' (another range), 'endless'."""

    how, asked = "ranges", 0


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        how, asked = self.server.how, self.headers.get("Range")
        self.server.asked += 1
        begin = int(asked.split("=")[1].rstrip("-")) if asked and how != "whole" else 0
        if begin >= len(DATA):
            self.send_error(416)
            return
        body = DATA[begin:]
        self.send_response(206 if asked and how != "whole" else 200)
        if asked and how != "whole":
            self.send_header("Content-Range", f"bytes {begin + (how == 'odd')}-{len(DATA) - 1}/{len(DATA)}")
        if how != "endless":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            while how == "endless":
                self.wfile.write(bytes(2**20))
            self.wfile.write(body[: len(body) // 2] if how == "short" else body)
        except OSError:
            pass  # the client has gone

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    here = Server(("127.0.0.1", 0), Answers)
    threading.Thread(target=here.serve_forever, args=(0.01,), daemon=True).start()
    yield here
    here.shutdown()
    here.server_close()


def fetch(server: Server, folder: Path) -> Path:
    work = download.download_cifar10(folder, f"http://127.0.0.1:{server.server_port}/x", MD5, 5)
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


@pytest.mark.parametrize("how", ["ranges", "whole", "odd"])
@pytest.mark.parametrize("have", [0, 1, 5000, len(DATA) - 1, len(DATA), len(DATA) + 7])
def test_it_goes_on_from_any_part(server, tmp_path, how, have):
    server.how = how
    (tmp_path / f".{ARCHIVE}.part").write_bytes((DATA + b"surplus")[:have])
    if how == "odd" and 0 < have < len(DATA):
        assert fetch(server, tmp_path).read_bytes() == DATA  # begun anew
        return
    assert fetch(server, tmp_path).read_bytes() == DATA
    assert [p.name for p in tmp_path.iterdir()] == [ARCHIVE]


def test_a_whole_part_needs_no_network(tmp_path, server):
    (tmp_path / f".{ARCHIVE}.part").write_bytes(DATA)
    assert fetch(server, tmp_path).read_bytes() == DATA
    assert server.asked == 0


def test_a_connection_that_ends_early_keeps_what_came(server, tmp_path):
    server.how = "short"
    with pytest.raises(DataError, match="goes on where it stopped"):
        fetch(server, tmp_path)
    had = (tmp_path / f".{ARCHIVE}.part").stat().st_size
    assert had == len(DATA) // 2
    server.how = "ranges"
    assert fetch(server, tmp_path).read_bytes() == DATA


def test_a_server_does_not_fill_the_disk(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 3 * 2**20)
    server.how = "endless"
    with pytest.raises(DataError, match="more than it has"):
        fetch(server, tmp_path)
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 3 * 2**20


def test_wrong_contents_are_not_kept(server, tmp_path):
    (tmp_path / f".{ARCHIVE}.part").write_bytes(b"wrong")
    with pytest.raises(DataError, match="checksum"):
        fetch(server, tmp_path)
    assert not list(tmp_path.iterdir())
    assert fetch(server, tmp_path).read_bytes() == DATA


def test_a_file_of_somebody_else_s_is_neither_replaced_nor_read_through(server, tmp_path):
    (tmp_path / ARCHIVE).write_text("thesis")
    with pytest.raises(DataError, match="move it away"):
        fetch(server, tmp_path)
    assert (tmp_path / ARCHIVE).read_text() == "thesis"
    (tmp_path / ARCHIVE).unlink()
    (tmp_path / "thesis").write_text("thesis")
    (tmp_path / f".{ARCHIVE}.part").symlink_to(tmp_path / "thesis")
    with pytest.raises(DataError, match="in the way"):
        fetch(server, tmp_path)
    assert (tmp_path / "thesis").read_text() == "thesis"
    (tmp_path / "file").write_text("x")
    with pytest.raises(Closed, match="file where a folder"):
        fetch(server, tmp_path / "file")
    assert server.asked == 0
