"""What a file that somebody brings is, as one line of JSON: python -m mesa_core.brought.look FILE

For whoever wants to know it without reading the file himself, such as the page: `archs` that it can be of, the likeliest
first, its `classes`, and `words` for people; or `why` it cannot be used, in a sentence.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

from mesa_core.brought import files, networks
from mesa_core.victims.weights import WeightsError

MOST = 6  # architectures that are told


def look(path: Path) -> dict[str, Any]:
    """The same as a dictionary."""
    try:
        found = list(itertools.islice(networks.fits(files.read(path)), MOST))
    except (WeightsError, ValueError) as error:
        return {"why": str(error)}
    except MemoryError:
        return {"why": f"{path.name} does not fit into this machine's memory."}
    first = found[0]
    words = f"It is {first.form}: {first.described()}."
    return {"archs": [one.arch for one in found], "classes": first.classes, "words": words}


if __name__ == "__main__":
    print(json.dumps(look(Path(sys.argv[1]))))
