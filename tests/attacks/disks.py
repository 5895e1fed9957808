"""Full, closed and broken disks: one sentence that says where, nothing changed or lost, and it goes on once mended."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

from mesa_core.data.locate import DataError
from mesa_core.disk.errors import StoreError, said
from tests.attacks.acts import ACTS, THESIS, Act, at_point, ended, forked, points_of, require_same
from tests.attacks.attack import Attack

ERRORS = ("ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EIO", "EROFS", "EACCES", "EFBIG")
NOBODY = 65534


def attacks(rng: random.Random) -> Iterator[Attack]:
    """Errors of the system at a point, files that may not grow, few open files, folders that are closed or are files."""
    while True:
        for act in ACTS:
            share, name = rng.random(), rng.choice(ERRORS)
            yield _attack(f"{act.name}: {name} from {share:.1%} on", act, _fails(getattr(errno, name), share))
            size = rng.choice((0, 1, 100, 1000, 4096, 20_000, 100_000))
            yield _attack(f"{act.name}: no file above {size} bytes", act, _limited(resource.RLIMIT_FSIZE, size))
            more = rng.randrange(0, 6)
            yield _attack(f"{act.name}: {more} more open files", act, _few_files(more))
            what = rng.choice(("home", "home/runs", "home/cache", "home/stages", "home/sweeps", "out"))
            yield _attack(f"{act.name}: {what} is a file", act, _file_at(what))
            if os.name == "posix" and os.geteuid() == 0:
                yield _attack(f"{act.name}: {what} belongs to another", act, _closed(what))


Disturb = Callable[[Act, Path, int], None]


def _attack(name: str, act: Act, disturb: Disturb) -> Attack:
    return Attack(name, lambda place: disturbed(act, disturb, place), 40.0)


def disturbed(act: Act, disturb: Disturb, place: Path) -> None:
    whole, hurt = place / "whole", place / "hurt"
    whole.mkdir(), hurt.mkdir()
    points = points_of(act, whole)
    act.prepare(hurt)
    thesis = (hurt / "out" / "thesis.txt").exists()
    told = place / "told"
    place.chmod(0o755)
    told.touch()
    told.chmod(0o666)
    handle = os.open(told, os.O_WRONLY)  # opened before anything is short

    def tries() -> None:
        error = None
        try:
            disturb(act, hurt, points)
        except (StoreError, DataError) as found:
            error = str(found)
        except OSError as found:  # as every outer layer says it
            error = said(found)
        except BaseException as found:
            error = f"!{type(found).__name__}: {found}"
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2) if os.geteuid() == 0 else None
        os.write(handle, (error or "").encode())

    assert ended(forked(tries)) == 0
    words = told.read_text()
    assert not words.startswith("!"), words
    assert "\n" not in words
    if words:
        assert str(hurt) in words or words.startswith(("There is no run", "CIFAR-10 could not be downloaded")), (
            f"does not say where: {words}"
        )
    _mend(hurt)
    assert not thesis or (hurt / "out" / "thesis.txt").read_text() == THESIS
    require_same(act, whole, hurt)


def _fails(number: int, share: float) -> Disturb:
    def disturb(act: Act, hurt: Path, points: int) -> None:
        def fail(now: int) -> None:
            if now >= 1 + int(share * points):
                raise OSError(number, os.strerror(number))

        with at_point(fail):
            act.do(hurt)

    return disturb


def _limited(which: int, most: int) -> Disturb:
    def disturb(act: Act, hurt: Path, points: int) -> None:
        resource.setrlimit(which, (most, resource.getrlimit(which)[1]))
        act.do(hurt)

    return disturb


def _few_files(more: int) -> Disturb:
    def disturb(act: Act, hurt: Path, points: int) -> None:
        there = max(int(name) for name in os.listdir("/proc/self/fd")) + 1
        for number in range(there):  # holes below the limit would be used first
            with contextlib.suppress(OSError):
                os.fstat(number)
                continue
            os.dup2(0, number)
        _limited(resource.RLIMIT_NOFILE, there + more)(act, hurt, points)

    return disturb


def _file_at(what: str) -> Disturb:
    def disturb(act: Act, hurt: Path, points: int) -> None:
        path = hurt / what
        if path.exists():
            path.rename(path.with_name("kept"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        act.do(hurt)

    return disturb


def _closed(what: str) -> Disturb:
    def disturb(act: Act, hurt: Path, points: int) -> None:
        (hurt / what).mkdir(parents=True, exist_ok=True)
        for path in (hurt, *hurt.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        os.chown(hurt / what, 0, 0)
        (hurt / what).chmod(0o700)
        (hurt / ".closed").write_text(what)
        os.setgid(NOBODY), os.setuid(NOBODY)
        act.do(hurt)

    return disturb


def _mend(hurt: Path) -> None:
    with contextlib.suppress(OSError):
        (hurt / (hurt / ".closed").read_text()).chmod(0o755)
    for path in (hurt, hurt / "home"):
        kept = path / "kept"
        for name in ("home", "runs", "cache", "stages", "sweeps", "out"):
            if (path / name).is_file():
                (path / name).unlink()
                if kept.exists():
                    kept.rename(path / name)
