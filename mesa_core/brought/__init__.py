"""Networks that somebody brings: the file, which network it is of, in which units it sees, and the file healed."""
