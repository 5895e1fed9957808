"""Files that are never seen half written, and who holds a folder. Needs no torch."""
