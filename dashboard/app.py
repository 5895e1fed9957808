"""Navigation and nothing else. Start with: streamlit run dashboard/app.py"""

import sys
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, ROOT)

from dashboard import style  # noqa: E402
from dashboard.views.compare import page as compare  # noqa: E402
from dashboard.views.detect import page as detect  # noqa: E402
from dashboard.views.lab import page as lab  # noqa: E402
from dashboard.views.landscape import page as landscape  # noqa: E402
from dashboard.views.learn import page as learn  # noqa: E402
from dashboard.views.paper import page as paper  # noqa: E402

st.set_page_config(page_title="MESA Lab", page_icon="🔬", layout="wide")
st.html("<style>.stMainBlockContainer{padding-top:3.6rem;padding-bottom:3rem}</style>")  # room for what matters
PAGES = {"Lab": lab, "Landscape": landscape, "Compare": compare, "Paper": paper, "Detect": detect, "Learn": learn}
style.apply()
st.navigation(
    [st.Page(view.page, title=name, url_path=name.lower(), default=view is lab) for name, view in PAGES.items()],
    position="top",
).run()
