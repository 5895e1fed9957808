"""Each claim of the paper beside what we measured, its figures redrawn."""
