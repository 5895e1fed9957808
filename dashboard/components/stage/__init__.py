"""The stage as a component: one screen on which painter, scatter, signs and numbers answer each other at once."""
