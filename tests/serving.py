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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 60.0  # seconds for a server to answer


@contextlib.contextmanager
def serving(home: Path, script: Path = ROOT / "dashboard" / "app.py") -> Iterator[tuple[str, int]]:
    """A server on a free port with its own store; yields its address and process id, and ends it afterwards."""
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
        process.wait(20)


@contextlib.contextmanager
def browsing() -> Iterator[Any]:
    """A headless Chromium, as Playwright's browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextlib.contextmanager
def paging(width: int = 1440, height: int = 1200) -> Iterator[Any]:
    """One page of a headless Chromium; errors of its scripts are collected in `page.errors`."""
    with browsing() as browser:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        yield page


def settle(page: Any, patience: float = 30_000) -> None:
    """Wait until the page is drawn: a title, and no script running."""
    page.locator("h1").first.wait_for(timeout=60_000)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=patience)
    page.wait_for_timeout(400)


RESTED = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const quiet = app && app.dataset.testScriptState === "notRunning" && !document.querySelector('[data-stale="true"]');
  const ends = (a) => isFinite(a.effect?.getComputedTiming().endTime);
  const moving = document.getAnimations().some((a) => a.playState === "running" && ends(a));
  const now = performance.now();
  if (!quiet || moving) window.mesaRestless = now;
  return now - (window.mesaRestless ??= now) > 400;
}"""


def rest(page: Any, patience: float = 60_000) -> None:
    """Wait, besides, until for a while nothing is faded or moves; not for a page that is redrawn by a timer."""
    settle(page, patience)
    page.wait_for_function(RESTED, timeout=patience)
