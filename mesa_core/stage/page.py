"""The stage of a run as one HTML file that plays, paints and answers without a server or a network."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path

from mesa_core.glossary import TERMS

# In this order; they share one scope.
SCRIPTS = ("../scatter/drawing", "net", "asking", "cloud", "rise", "signs", "kin", "paint", "figures", "clock", "stage")
ALONE = "alone"
# Nothing may be fetched: what the page needs lies in it. The worker with the networks is begun from its own text.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:"
)
MARK = '<meta name="generator" content="MESA Lab">'  # by which a page of ours is known
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="MESA Lab"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<style>:root {{ color-scheme: light dark; --st-background-color: light-dark(#ffffff, #12161c); --st-text-color: light-dark(#0d131c, #e8ecf1);
 --st-primary-color: light-dark(#0b62a8, #4da3e0); }} body {{ margin: 0; background: var(--st-background-color); }}
 #stage {{ max-width: max(1180px, 182svh); margin: 0 auto; padding: 12px clamp(12px, 2vw, 28px); }}</style></head>
<body><main id="stage"></main>
{blocks}
<script type="text/plain" id="style">{style}</script>
<script type="module">
{script}
</script></body></html>
"""


def script(folder: Path, last: str) -> str:
    """All scripts of the stage with the glossary, as one text that ends with the file `last`."""
    terms = f"const TERMS = {json.dumps(TERMS, ensure_ascii=False)};\n"
    return terms + "".join((folder / f"{name}.js").read_text("utf-8") for name in (*SCRIPTS, last))


def page(base: bytes, recordings: Sequence[bytes], title: str, folder: Path) -> str:
    """The whole page. `folder` holds the stage's scripts and style; the first recording is the one that plays."""
    blocks = [("base", base), *(("recording", one) for one in recordings)]
    texts = [
        f'<script type="text/plain" id="block{i}" data-block="{kind}">{base64.b64encode(data).decode()}</script>'
        for i, (kind, data) in enumerate(blocks)
    ]
    style = (folder / "stage.css").read_text("utf-8") + ".stage { --high: calc(100svh - 24px); }"
    return PAGE.format(
        policy=html.escape(POLICY, quote=True), title=html.escape(title), blocks="\n".join(texts),
        style=style, script=script(folder, ALONE),
    )  # fmt: skip
