"""Where the page begins. Start with: streamlit run dashboard/app.py

Streamlit takes this file twice: the server imports `app`, which says what every request passes first, and each visit
runs the file as its script, which draws.
"""

import sys
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, ROOT)

if __name__ == "__main__":
    from dashboard import places, style
    from dashboard.views import listed
    from mesa_core.store import home

    st.set_page_config(page_title="MESA Lab", page_icon="🔬", layout="wide")
    st.html("<style>.stMainBlockContainer{padding-top:3.6rem;padding-bottom:3rem}</style>")  # room for what matters
    style.apply()
    places.warn(home())
    with places.watched():
        st.navigation(listed.pages(), position="top").run()
else:
    from starlette.middleware import Middleware

    from dashboard.serving import opening, uploading
    from dashboard.serving.door import Door
    from dashboard.serving.preview import Preview
    from mesa_core.cli.hosts import named

    app = st.App(
        __file__,
        middleware=[Middleware(Door, names=named(), uploads=uploading.bounds()), Middleware(Preview)],
        lifespan=opening.lifespan,
    )
