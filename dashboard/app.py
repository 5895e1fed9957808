"""Navigation and nothing else. Start with: streamlit run dashboard/app.py"""

import sys
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, ROOT)

from dashboard import jobs, look, places  # noqa: E402
from dashboard.views import compare, detect, lab, landscape, learn, paper  # noqa: E402

st.set_page_config(page_title="MESA Lab", page_icon="🔬", layout="wide")
st.html("<style>.stMainBlockContainer{padding-top:3.6rem;padding-bottom:3rem}</style>")  # room for what matters
PAGES = {"Lab": lab, "Landscape": landscape, "Compare": compare, "Paper": paper, "Detect": detect, "Learn": learn}
look.apply()
places.warn(jobs.store().root)
with places.watched():
    st.navigation(
        [st.Page(view.page, title=name, url_path=name.lower(), default=view is lab) for name, view in PAGES.items()],
        position="top",
    ).run()
