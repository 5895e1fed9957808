"""Paint a trigger, run, watch the samples move, and see what they do before and after."""
