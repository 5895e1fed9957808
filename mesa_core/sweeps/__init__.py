"""Many runs: a grid of them shared by processes, or handed to a cluster."""
