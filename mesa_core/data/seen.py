"""What a reader of pictures has seen: how it read a folder, how classes are numbered, what it left out and why. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mesa_core.disk.plain import plain
from mesa_core.disk.shaped import Count, Shaped

MOST_NAMED = 5  # examples that a sentence names
FEW = 3  # kinds of what was skipped that a sentence names


@dataclass(frozen=True)
class Skipped(Shaped):
    """What was left out for one reason: how many, and the first few by name."""

    why: str
    count: Count
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {self.count - len(self.examples)} more" if self.count > len(self.examples) else ""
        return f"{', '.join(self.examples)}{more} ({self.why})"


@dataclass(frozen=True)
class Seen(Shaped):
    """What there is to say of a data set beside its pictures.

    `layout` says how the place was read, `numbering` how its classes are numbered, `notes` what else was decided. `examples`
    holds a file's name by class, '' where a class has none.
    """

    layout: str = ""
    numbering: str = ""
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    examples: tuple[str, ...] = ()

    def told(self) -> Iterator[str]:
        """Sentences for people, the most telling first."""
        yield from (text for text in (self.layout, self.numbering, *self.notes) if text)
        if self.skipped:
            yield f"Skipped: {'; '.join(map(str, self.skipped))}."


@dataclass
class Skips:
    """Collects what is left out while a place is read."""

    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, why: str) -> None:
        """One more of them; `name` is for people."""
        self.counts[why] = self.counts.get(why, 0) + 1
        kept = self.names.setdefault(why, [])
        if len(kept) < MOST_NAMED:
            kept.append(fit(name))

    def all(self) -> tuple[Skipped, ...]:
        """What was left out, the reason with the most first."""
        order = sorted(self.counts, key=lambda why: -self.counts[why])
        return tuple(Skipped(why, self.counts[why], tuple(self.names[why])) for why in order)

    def words(self) -> str:
        """The end of a sentence that refuses: ' Skipped: ...', or nothing."""
        every = self.all()
        more = f"; and {len(every) - FEW} other reasons" if len(every) > FEW else ""
        return f" Skipped: {'; '.join(map(str, every[:FEW]))}{more}." if every else ""


def fit(name: str) -> str:
    """A file's name for people: names may hold bytes that are no text, and signs that steer a terminal."""
    return plain(name.encode("utf-8", "replace").decode())
