"""Write what the golden files hold anew: `python -m tests.golden`, from the root of the repository.

Only on purpose, where a stage is to be computed anew because its code changed what it computes (its number in `VERSION`
was raised). Configurations stay as they are written; a new case is a new line with all of a line but `golden`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.golden.naming import name_of
from tests.golden.recording import changes_of, read, record_case, write


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__.splitlines()[0])
    parser.parse_args()
    made = {"keys.json": record_case, "changes.json": changes_of, "names.json": name_of}
    for file, make in made.items():
        entries, count = read(file), 0
        for entry in entries:
            with tempfile.TemporaryDirectory() as place:
                now = make(entry, Path(place))
            count += entry.get("golden") != now
            entry["golden"] = now
        write(file, entries)
        print(f"{file}: {count} of {len(entries)} changed")


if __name__ == "__main__":
    main()
