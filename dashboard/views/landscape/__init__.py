"""All 512 black-and-white triggers of a network, and where the sub-models look."""
