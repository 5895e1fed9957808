"""The browser is opened once the server answers, as `streamlit run` does for a plain script, but not for an `App`."""

from __future__ import annotations

import asyncio
import contextlib
import webbrowser
from collections.abc import AsyncIterator
from typing import Any

import streamlit as st

PATIENCE = 0.5  # seconds until the server listens; it does so right after its start


def address() -> str:
    """Where the server is reached from this machine."""
    secure = "https" if st.get_option("server.sslCertFile") else "http"
    host = st.get_option("server.address") or "localhost"
    host = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{secure}://{host}:{st.get_option('server.port')}/{path}"


@contextlib.asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """What happens around the server's life."""
    tasks = [] if st.get_option("server.headless") else [asyncio.create_task(_open())]
    yield
    for task in tasks:
        task.cancel()


async def _open() -> None:
    await asyncio.sleep(PATIENCE)
    await asyncio.to_thread(webbrowser.open, address())
