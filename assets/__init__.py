"""Trained weights with their cards, and precomputed runs."""
