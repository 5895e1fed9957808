"""The pages; each exposes what `app.py` navigates to."""
