"""Figures as data, pictures of triggers, the axes that dots lie on, and all of them as files. Needs no torch."""
