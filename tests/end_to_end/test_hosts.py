"""A real server, asked under all kinds of names."""

import pytest
from asking import ask
from serving import serving

pytestmark = pytest.mark.slow
ROUTES = (
    "/",
    "/_stcore/health",
    "/_stcore/host-config",
    "/media/x.png",
    "/component/x/y.js",
    "/_stcore/bidi-components/x",
)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESA_LAB_HOSTS", "lab.example")
        with serving(tmp_path_factory.mktemp("home")) as (url, _):
            yield int(url.rsplit(":", 1)[1])


def test_every_route_refuses_a_foreign_host_and_a_foreign_page(port):
    for path in ROUTES:
        assert ask(port, path, "Host: evil.example", "Origin: http://evil.example") == 403, path
        assert ask(port, path, f"Host: localhost:{port}", "Origin: http://localhost:1") == 403, path
        assert ask(port, path, f"Host: localhost:{port}") in (200, 404), path


def test_the_socket_opens_for_its_own_page_only(port):
    def opened(host, *more):
        return ask(port, "/_stcore/stream", f"Host: {host}", *more, upgrade=True) == 101

    assert opened(f"localhost:{port}", f"Origin: http://localhost:{port}")
    assert opened(f"127.0.0.1:{port}", f"Origin: http://127.0.0.1:{port}")
    assert opened(f"lab.example:{port}", f"Origin: http://lab.example:{port}")
    assert opened(f"localhost:{port}")  # no browser
    assert not opened("evil.example", "Origin: http://evil.example")
    assert not opened(f"evil.example:{port}", f"Origin: http://evil.example:{port}")
    assert not opened(f"127.0.0.1:{port}", "Origin: http://127.0.0.1:9999")
    assert not opened(f"localhost:{port}", "Origin: null")


def test_the_upload_route_takes_nothing_from_who_has_no_page_open(port):
    path = "/_stcore/upload_file/0/0"
    assert ask(port, path, f"Host: localhost:{port}", method="PUT", body=b"x" * 3_000_000) in (400, 403, 0)
