"""The Streamlit app. Imports the engine's torch-free parts only; heavy work runs in a worker process."""
