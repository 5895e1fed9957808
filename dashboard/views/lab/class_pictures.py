"""An example image of each class, for the choice of the target. Needs no torch.

Of the road signs, which the program draws itself, a strip of ten is shipped. Of others none is: their images are read
from the cache of whoever has them.
"""

from __future__ import annotations

import numpy as np
import streamlit as st
from PIL import Image
from safetensors import SafetensorError, safe_open

from dashboard.serving import queue
from mesa_core.data.sources import classes_of
from mesa_core.disk.archives import check_safetensors_file
from mesa_core.pictures.thumbnails import png_uri
from mesa_core.store.shipped import assets_dir

MOST_BYTES = 768 << 20  # of decoded pictures, as in `mesa_core.data`


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def pictures(data: str) -> list[str]:
    """A data address for each class, in their order; [] where there are no images, or the classes are not known."""
    count = len(classes_of(data))
    return _signs(count) if data == "signs" else _cached(data, count) if count else []


def _signs(count: int) -> list[str]:
    try:
        with Image.open(assets_dir() / "signs-classes.png") as strip:
            pixels = np.asarray(strip.convert("RGB"))
    except OSError:
        return []
    side = pixels.shape[0]
    return [png_uri(pixels[:, i * side : (i + 1) * side]) for i in range(count)]


def _cached(name: str, count: int) -> list[str]:
    for path in sorted(queue.store().cache.glob(f"data-{name}-*.safetensors")):
        try:
            check_safetensors_file(path, MOST_BYTES)
            with safe_open(path, framework="numpy") as file:
                labels = file.get_tensor("test_labels")
                images = file.get_slice("test_images")
                first = [int(np.flatnonzero(labels == c)[0]) for c in range(count)]
                return [png_uri(images[i : i + 1][0].transpose(1, 2, 0)) for i in first]
        except (OSError, SafetensorError, KeyError, IndexError, ValueError):
            continue
    return []
