"""The exact reference: the uniform law on {x : F(x) >= beta}, sampled without any model, with its log-volume.

`nested` samples it, `success` is F on fixed images, `build` makes a reference for a run, `record` keeps it (no torch).
"""
