"""Every class searched at once: which one carries a backdoor?"""
