"""One page each. Streamlit would take a folder named pages for scripts of its own."""
