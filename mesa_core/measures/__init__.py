"""What is measured, and with which interval: success rates, coverage, modes, entropy, nesting."""
