"""Hosts and origins in every spelling, against the decision and, now and then, against a real server.

What is fine is decided here once more, in another way: by what a browser's own reading of the words leads to.
"""

from __future__ import annotations

import ipaddress
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from mesa_core.cli import hosts
from tests.attacks.attack import Attack

sys.path.append(str(Path(__file__).resolve().parents[1]))
from asking import ask
from serving import serving

OWN = ("localhost", "lab.localhost", "127.0.0.1", "127.3.2.1", "[::1]", "lab.example", "a.school.example")
FOREIGN = (
    "evil.example", "localhost.evil.example", "xlocalhost", "localhost-x", "lab.example.evil.example", "xlab.example",
    "school.example.evil", "127.0.0.1.evil.example", "10.9.8.7", "[2001:db8::1]", "[::ffff:8.8.8.8]", "8.8.8.8", "0.0.0.0",
    "127.1", "2130706433", "0177.0.0.1", "[::]", "school.example", "\uff4cocalhost", "localhos\u1e6d", "xn--localhost-", "lab_example",
)  # fmt: skip
NAMES = ("lab.example", "*.school.example")
SPOILS = ("@", "/", "\\", "?", "#", ",", ";", " ", "\t", "%00", "%2e", "..", "::", "\u3002", "\x00", "[", "]")
EACH = 400  # decisions of one attack
LIVE = 40  # requests of one attack on a server


def attacks(rng: random.Random) -> Iterator[Attack]:
    """Attacks without end; each twelfth is on a server."""
    number = 0
    while True:
        seed, number = rng.getrandbits(32), number + 1
        if number % 12 == 2:
            yield Attack(f"{LIVE} requests to a server, seed {seed}", lambda place, seed=seed: live(place, seed), 60)
        else:
            yield Attack(f"{EACH} decisions, seed {seed}", lambda place, seed=seed: pure(seed))


def spelled(host: str, rng: random.Random) -> str:
    """The same host as somebody else may spell it."""
    if rng.random() < 0.3:
        host = "".join(rng.choice((c.upper(), c.lower())) for c in host)
    if rng.random() < 0.2 and not host.startswith("[") and not host[-1].isdigit():
        host += "."
    return host


def spoiled(words: str, rng: random.Random) -> str:
    """Something put somewhere into it that no host has."""
    at = rng.randrange(len(words) + 1)
    return words[:at] + rng.choice(SPOILS) + words[at:]


def pure(seed: int) -> None:
    """The decision: own names pass, foreign and spoiled ones do not, and nothing raises."""
    rng = random.Random(seed)
    for _ in range(EACH):
        port, other = rng.sample(range(1, 65536), 2)
        scheme = rng.choice(("http", "https"))
        own, foreign = rng.choice(OWN), rng.choice(FOREIGN)
        host = f"{spelled(own, rng)}:{port}"
        good = f"{scheme}://{spelled(own, rng)}:{port}"
        assert not hosts.refusal([host], rng.choice(([], [good])), NAMES, "127.0.0.1"), (host, good)
        bad = rng.choice((
            f"{scheme}://{foreign}:{port}", f"{scheme}://{own}:{other}", f"{scheme}://{foreign}@{own}:{port}", f"{own}:{port}",
            f"{scheme}://{own}:{port}@{foreign}", f"{scheme}://{own}:{port}.{foreign}", "null", "", spoiled(good, rng),
        ))  # fmt: skip
        if bad.rstrip("/").lower() != good.lower():
            assert hosts.refusal([host], [bad], NAMES, "127.0.0.1"), (host, bad)
        assert hosts.refusal([host], [good, bad], NAMES, "127.0.0.1"), "two origins"
        wrong = rng.choice(
            (f"{foreign}:{port}", foreign, spelled(foreign, rng), spoiled(host, rng), f"{foreign}:{port},{host}")
        )
        if wrong != host:
            assert hosts.refusal([wrong], [], NAMES, "127.0.0.1"), wrong
        assert hosts.refusal([host, wrong], [], NAMES, "127.0.0.1"), "two hosts"
        here = str(ipaddress.IPv4Address(rng.getrandbits(32)))
        assert not hosts.refusal([f"{here}:{port}"], [], (), here), here
        word = "".join(rng.choice(OWN + FOREIGN + SPOILS + NAMES) for _ in range(rng.randrange(4)))
        assert all(hosts.name(one) == one for one in hosts.named(word)), word


def live(place: Path, seed: int) -> None:
    """The same over a socket, on the page, the stream and other routes."""
    import os

    rng = random.Random(seed)
    os.environ[hosts.SETTING] = ",".join(NAMES)
    with serving(place / "home") as (url, _):
        port = int(url.rsplit(":", 1)[1])
        for _ in range(LIVE):
            path = rng.choice(
                ("/", "/_stcore/health", "/_stcore/stream", "/media/x", "/component/x", "/_stcore/upload_file/a/b")
            )
            own, foreign = rng.choice(OWN), rng.choice([one for one in FOREIGN if one.isascii()])
            stream = path.endswith("stream")
            good = rng.random() < 0.4
            host = f"{own if good or rng.random() < 0.5 else foreign}:{port}"
            same = host.startswith(own)
            origin = f"http://{own}:{port}" if good else f"http://{foreign}:{port}" if same else f"http://{host}"
            status = ask(port, path, f"Host: {host}", f"Origin: {origin}", upgrade=stream)
            if not good:
                assert status in (400, 403), (path, host, origin, status)
            else:
                assert status in ((101,) if stream else (200, 404, 405)), (path, host, origin, status)
