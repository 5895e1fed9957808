"""What MESA is compared with; each gives a pool of triggers (or a mask) for the same repair."""
