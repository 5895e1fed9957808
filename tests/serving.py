"""A server of the page and a browser, for tests and benchmarks; no test of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 180.0  # seconds for a server to answer, a page to be drawn, a part of it to appear: other work may go on


@contextlib.contextmanager
def serving(
    home: Path, script: Path = ROOT / "dashboard" / "app.py", drawn: Path | None = None
) -> Iterator[tuple[str, int]]:
    """A server on a free port with its own store; yields its address and process id, and ends it afterwards.

    `drawn` is a cache whose images the store has from the beginning, so that they are not drawn anew.
    """
    for file in drawn.iterdir() if drawn is not None else ():
        (home / "cache").mkdir(parents=True, exist_ok=True)
        shutil.copy(file, home / "cache")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(script),
            "--server.port",
            str(port),
            "--server.headless",
            "true",
        ],
        env=dict(os.environ, MESA_LAB_HOME=str(home), PYTHONPATH=path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url, until = f"http://localhost:{port}", time.monotonic() + PATIENCE
    try:
        while True:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).status == 200:
                    break
            if time.monotonic() > until or process.poll() is not None:
                raise RuntimeError("The server did not start.")
            time.sleep(0.3)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextlib.contextmanager
def browsing() -> Iterator[Any]:
    """A headless Chromium, as Playwright's browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        settings = {"executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-gpu"], "timeout": 1000 * PATIENCE}
        browser = p.chromium.launch(**settings)
        yield browser
        browser.close()


def new_page(browser: Any, width: int = 1440, height: int = 1200, **more: Any) -> Any:
    """A visitor's page; errors of its scripts are collected in `page.errors`, and all that is waited for gets PATIENCE."""
    page = browser.new_page(viewport={"width": width, "height": height}, **more)
    page.set_default_timeout(1000 * PATIENCE)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    return page


@contextlib.contextmanager
def paging(width: int = 1440, height: int = 1200) -> Iterator[Any]:
    """One page of a headless Chromium."""
    with browsing() as browser:
        yield new_page(browser, width, height)


def until(page: Any, true: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Whether something has become true while the page goes on, within `patience` seconds."""
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            return False
        page.wait_for_timeout(100)
    return True


def settle(page: Any, patience: float = 1000 * PATIENCE) -> None:
    """Wait until the page is drawn: a title, and no script running; for `patience` milliseconds at most."""
    page.locator("h1").first.wait_for(timeout=patience)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=patience)
    page.wait_for_timeout(400)


RESTED = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const unfinished = '[data-stale="true"], [data-testid="stSkeleton"]'; // a grey box stands for what is still being loaded
  const quiet = app && app.dataset.testScriptState === "notRunning" && !document.querySelector(unfinished);
  const ends = (a) => isFinite(a.effect?.getComputedTiming().endTime);
  const moving = document.getAnimations().some((a) => a.playState === "running" && ends(a));
  const now = performance.now();
  if (!quiet || moving) window.mesaRestless = now;
  return now - (window.mesaRestless ??= now) > 400;
}"""


def rest(page: Any) -> None:
    """Wait, besides, until for a while nothing is faded or moves; not for a page that is redrawn by a timer."""
    settle(page)
    page.wait_for_function(RESTED)
