"""A page to take away, read again, and the network in it asked outside of a browser; no test of its own."""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core.stage.blocks import unpack

NODE = shutil.which("node")
# For `node -e`: the script net.js, a network, a question; prints what it answers.
ASK = """
const fs = require("fs"), [source, net, asked] = process.argv.slice(1);
const { Net } = eval(fs.readFileSync(source, "utf8") + ";netKit")();
const { mean, std, pictures, inks, places, how } = JSON.parse(fs.readFileSync(asked, "utf8"));
const bytes = new Uint8Array(fs.readFileSync(pictures)), own = new Net(new Uint8Array(fs.readFileSync(net)), mean, std, how);
const found = places.map(([row, column], i) => Array.from(own.answer(bytes, i * 3072, Uint8Array.from(inks), row, column)));
console.log(JSON.stringify({ how: own.how, found }));
"""


def unpacked(text: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The base of an exported page: its header and arrays."""
    return unpack(base64.b64decode(re.search(r'data-block="base">([^<]+)<', text).group(1)))


def played(page: Any, file: Path) -> list[str]:
    """Open a page from disk without a network and wait until it has played to its end; the list of all that it asks for fills on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    page.goto(file.as_uri())
    page.wait_for_function("() => stage.clock.t > 1.5")  # it plays by itself
    page.evaluate("() => stage.clock.seek(99)")
    return asked


def by_itself(asked: list[str]) -> bool:
    """Whether all that was asked for lies in the page itself."""
    return all(url.startswith(("file:", "blob:", "data:")) for url in asked)
