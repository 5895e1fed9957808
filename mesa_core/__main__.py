"""`python -m mesa_core` is `mesa-lab`."""

import sys

from mesa_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
