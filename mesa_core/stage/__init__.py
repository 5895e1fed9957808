"""The stage: what one screen needs to play a run, to answer painted triggers, and to travel as one page. Needs no torch."""
