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
    from dashboard.views.compare import page as compare
    from dashboard.views.detect import page as detect
    from dashboard.views.lab import page as lab
    from dashboard.views.landscape import page as landscape
    from dashboard.views.learn import page as learn
    from dashboard.views.paper import page as paper
    from mesa_core.store import home

    st.set_page_config(page_title="MESA Lab", page_icon="🔬", layout="wide")
    st.html("<style>.stMainBlockContainer{padding-top:3.6rem;padding-bottom:3rem}</style>")  # room for what matters
    PAGES = {"Lab": lab, "Landscape": landscape, "Compare": compare, "Paper": paper, "Detect": detect, "Learn": learn}
    style.apply()
    places.warn(home())
    with places.watched():
        st.navigation(
            [
                st.Page(view.page, title=name, url_path=name.lower(), default=view is lab)
                for name, view in PAGES.items()
            ],
            position="top",
        ).run()
else:
    from starlette.middleware import Middleware

    from dashboard.serving import opening
    from dashboard.serving.door import Door
    from dashboard.serving.preview import Preview
    from mesa_core.cli.hosts import named

    app = st.App(__file__, middleware=[Middleware(Door, names=named()), Middleware(Preview)], lifespan=opening.lifespan)
