"""The paper's method: attack (eq. 1), MESA (Algorithms 1 and 2), detection, repair (eq. 5)."""
