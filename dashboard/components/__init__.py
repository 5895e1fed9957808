"""Keyed components v2: each a folder of .py, .js and .css."""
