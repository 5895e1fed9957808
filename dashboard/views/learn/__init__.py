"""The six steps of Learn: one file a step, and what they share."""
