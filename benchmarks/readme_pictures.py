"""Record the README's pictures from the real page: a still, and a short silent loop of the stage.

    python benchmarks/readme_pictures.py

The page is served, its timeline is moved from moment to moment and photographed, then two triggers are painted and
their answers waited for; so the loop runs evenly however slow the machine was. Writes assets/lab.png and
assets/lab.webp, the latter below LARGEST bytes. Needs Chromium, Playwright and Pillow.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from serving import browsing, serving  # noqa: E402

LARGEST = 2_000_000  # bytes of the loop
WIDE, HIGH = 1280, 720
SIZE = (960, 540)  # of the loop's pictures
STEP = 100  # milliseconds between two of them
HOLD = 2400  # milliseconds for which an answer stays
PAINTED = (("row 1, column 1", "white"), ("row 3, column 3", "red"))  # cells that are painted in turn, and with what
SEEK = """(at) => { const slider = window.mesaStage.stage.find(".track input"); slider.value = String(at);
  slider.dispatchEvent(new Event("input", { bubbles: true })); }"""
SECONDS = "() => window.mesaStage.stage.clock.end"


def photographed(page: Any) -> Image.Image:
    """The page as it is, with whatever moves at its end."""
    return Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")


def painted(page: Any, cell: str, ink: str) -> None:
    """Paint a cell and wait for the answer."""
    page.get_by_role("button", name=f"Paint {ink}").click()
    page.locator(f'.cells button[aria-label^="{cell}"]').click()
    page.wait_for_function("() => window.mesaStage.stage.done && !window.mesaStage.stage.waiting", timeout=60_000)
    page.mouse.move(640, 705)
    page.wait_for_timeout(500)


def recorded(page: Any) -> tuple[list[tuple[Image.Image, int]], Image.Image]:
    """The loop's pictures with how long each stays, in milliseconds, and the still."""
    count = round(page.evaluate(SECONDS) * 1000 / STEP)
    shots: list[tuple[Image.Image, int]] = []
    for i in range(count):
        page.evaluate(SEEK, 1000 * i / count)
        page.wait_for_timeout(40)
        add(shots, photographed(page), STEP)
    page.evaluate(SEEK, 1000)
    page.wait_for_timeout(200)
    add(shots, photographed(page), HOLD // 2)
    still = None
    for cell, ink in PAINTED:
        painted(page, cell, ink)
        found = photographed(page)
        still = still or found
        add(shots, found, HOLD)
    assert still is not None
    return shots, still


def add(shots: list[tuple[Image.Image, int]], picture: Image.Image, stays: int) -> None:
    """Append a picture; one like the last lets that stay longer."""
    if shots and shots[-1][0].tobytes() == picture.tobytes():
        shots[-1] = (picture, shots[-1][1] + stays)
    else:
        shots.append((picture, stays))


def loop(shots: list[tuple[Image.Image, int]]) -> bytes:
    """An animated WebP, as good as LARGEST allows. Raises ValueError where none is small enough."""
    small = [picture.resize(SIZE, Image.Resampling.LANCZOS) for picture, _ in shots]
    for quality in (80, 70, 60, 50, 40, 30):
        out = io.BytesIO()
        small[0].save(
            out, "WEBP", save_all=True, append_images=small[1:], duration=[stays for _, stays in shots], loop=0,
            quality=quality, method=4, minimize_size=False,
        )  # fmt: skip
        print(f"quality {quality}: {out.tell():,} bytes")
        if out.tell() < LARGEST:
            return out.getvalue()
    raise ValueError(f"The loop is larger than {LARGEST:,} bytes at any quality.")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (url, _), browsing() as browser:
        page = browser.new_page(viewport={"width": WIDE, "height": HIGH}, color_scheme="light")
        page.goto(url)
        page.locator(".stage.over").wait_for(timeout=120_000)
        page.wait_for_function("() => window.mesaStage.stage.asker.ready", timeout=120_000)
        shots, still = recorded(page)
    still.quantize(256, dither=Image.Dither.NONE).save(ROOT / "assets" / "lab.png", optimize=True)
    (ROOT / "assets" / "lab.webp").write_bytes(loop(shots))
    print(f"{len(shots)} pictures, {sum(stays for _, stays in shots) / 1000:.1f} s")


if __name__ == "__main__":
    main()
