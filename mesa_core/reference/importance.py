"""Volumes by importance sampling: what a sampler that knows its density q says of the exact valid set. Needs no torch.

    volume {F >= beta}  =  E_q[ 1[F(x) >= beta] / q(x) ]

holds for any q that is positive there, so a flow's samples give an estimate that owes nothing to nested sampling, and
the effective sample size says how near q is to the uniform law on the set. Where there are flows of several levels,
samples of all count under the mixture of their densities (Veach and Guibas, SIGGRAPH 1995: the balance heuristic).
"""

from __future__ import annotations

from typing import Any

import numpy as np


def log_volume(density: np.ndarray, valid: np.ndarray) -> dict[str, Any] | None:
    """Log-volume of the set that `valid` bool `(n,)` tells, from samples with log q `density` `(n,)`, as JSON.

    `error` is one standard error, `effective` the effective number among the `valid` samples. None where none is.
    """
    weights = np.where(valid, np.exp(-(density - density[valid].min())), 0.0) if valid.any() else np.zeros(1)
    if not weights.any():
        return None
    mean = weights.mean()
    return {
        "value": round(float(np.log(mean) - density[valid].min()), 3),
        "error": round(float(weights.std() / mean / np.sqrt(len(weights))), 3),
        "effective": round(float(weights.sum() ** 2 / np.square(weights).sum()), 1),
        "valid": int(valid.sum()),
        "n": len(density),
    }


def of_mixture(densities: np.ndarray) -> np.ndarray:
    """Log density of an even mixture, `(n,)`, from that of each of its parts, `(parts, n)`."""
    top = densities.max(0)
    return top + np.log(np.exp(densities - top).mean(0))
