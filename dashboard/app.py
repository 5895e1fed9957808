"""Navigation and nothing else. Start with: streamlit run dashboard/app.py"""

import sys
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, ROOT)

from dashboard.views import lab  # noqa: E402

st.set_page_config(page_title="MESA Lab", page_icon="🔬", layout="wide")
st.navigation([st.Page(lab.page, title="Lab", url_path="lab", default=True)], position="top").run()
