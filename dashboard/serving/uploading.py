"""What uploads are bounded by: networks that visitors drop, in the server's memory until a page has taken them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from dashboard.serving.brought import MOST_BYTES
from dashboard.serving.door import Uploads

if TYPE_CHECKING:
    from streamlit.runtime.stats import CacheStat

ENVELOPE = 1 << 20  # bytes of the form around a file
AT_A_TIME = 2
SECONDS = 180.0
MOST_HELD = 4 * MOST_BYTES


def held() -> int:
    """Bytes of uploaded files that Streamlit keeps now, of all sessions."""
    from streamlit.runtime import exists, get_instance

    if not exists():
        return 0
    # Streamlit promises no more than figures of some kind; its store of uploads gives bytes.
    families = cast("Mapping[str, Sequence[CacheStat]]", get_instance().uploaded_file_mgr.get_stats())
    return sum(stat.byte_length for stats in families.values() for stat in stats)


def bounds() -> Uploads:
    """The bounds of this server."""
    return Uploads(MOST_BYTES + ENVELOPE, AT_A_TIME, SECONDS, MOST_HELD, held)
