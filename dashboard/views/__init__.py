"""The pages. Not named `pages`, a folder that Streamlit would take for its older kind of multi-page app."""
