"""Forms of well-known networks for small images, with the parameter names by which their checkpoints are known."""
