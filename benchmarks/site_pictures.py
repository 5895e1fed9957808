"""Photograph the pages of the app for the documentation site's tour.

    python benchmarks/site_pictures.py [NAME...]

Serves the app with the runs that it ships, opens each page in a browser and writes docs/pictures/NAME.webp. Needs
Chromium, Playwright and Pillow. The Lab's first screen is photographed by readme_pictures.py.
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

from serving import browsing, serving, settle  # noqa: E402

WIDE, HIGH = 1280, 860
QUALITY = 82
WAIT = 2_500  # milliseconds in which canvases are drawn
# what is photographed: its address, and the text at which the picture begins ('' for the top of the page)
PICTURES = {
    "controls": ("/?screen=all", ""),
    "landscape": ("/landscape", ""),
    "compare": ("/compare", ""),
    "paper": ("/paper", ""),
    "detect": ("/detect", ""),
    "learn": ("/learn", ""),
}


def photographed(page: Any) -> Image.Image:
    """The page as it is, with whatever moves at its end."""
    return Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")


def main(names: list[str]) -> None:
    """Write the pictures of these names, of all where none is given."""
    out = ROOT / "docs" / "pictures"
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (url, _), browsing() as browser:
        page = browser.new_page(viewport={"width": WIDE, "height": HIGH}, color_scheme="light")
        for name in names or PICTURES:
            address, text = PICTURES[name]
            page.goto(url + address)
            settle(page, 120_000)
            if text:
                page.get_by_text(text).first.evaluate("e => e.scrollIntoView({ block: 'start' })")
            page.wait_for_timeout(WAIT)
            photographed(page).save(out / f"{name}.webp", "WEBP", quality=QUALITY, method=6)
            print(f"{name}: {(out / f'{name}.webp').stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
