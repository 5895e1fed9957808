"""How the suite shares the cores. Imported by conftest.py before torch, which reads its number of threads once."""

from __future__ import annotations

import os

CORES = os.cpu_count() or 1
MOST_WORKERS = 4  # a browser and a server each
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if WORKERS > 1:  # torch would take all cores for each of them, and for each process that it starts
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, CORES // WORKERS)))
