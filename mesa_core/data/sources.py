"""The data sets that can be chosen, by name: what they are called, their classes, where they are found. Needs no torch.

A data set is a file of its own that returns a `Dataset`, and one line here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mesa_core.data.forms import form_of
from mesa_core.data.locate import Found, need_cifar10
from mesa_core.data.names import CIFAR10, SIGNS
from mesa_core.registry import Registry

Find = Callable[[str | Path, Path], Found]
"""(the directory that was named, or '', the cache) -> where it lies. Raises DataError in one sentence where it does not."""


def _folder(directory: str | Path, cache: Path) -> Found:
    return form_of(Path(os.path.expanduser(directory)))


@dataclass(frozen=True)
class Source:
    """One data set.

    `load` is the place `package.module:function` of what reads it, called with what `find` returned (None without
    one) and `tell(what, done, of)`, which hears of progress; it returns a `Dataset`. `classes` are their
    names, empty where only the data itself tells; `find` says where it lies, None for one that is drawn or comes with its
    package. `version` is raised when what `load` makes of the same files changes.
    """

    words: str  # as pages and commands name it
    load: str
    classes: tuple[str, ...] = ()
    find: Find | None = None
    version: str = ""
    needs_directory: bool = False  # it lies nowhere else than where somebody says


SOURCES: Registry[Source] = Registry(
    "data set",
    {
        "cifar10": Source("CIFAR-10", "mesa_core.data.cifar10:load", CIFAR10, need_cifar10),
        "signs": Source("road signs", "mesa_core.data.signs:load_from", SIGNS, version="1"),
        "folder": Source(
            "your images", "mesa_core.data.folder:load_from", find=_folder, version="2", needs_directory=True
        ),
    },
)


def classes_of(name: str) -> tuple[str, ...]:
    """The classes of a data set, empty where they are not known before it is read, or where there is no such data set."""
    return SOURCES[name].classes if name in SOURCES else ()
