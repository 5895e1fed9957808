"""How a folder of pictures is laid out: class folders, with or without parts for training and testing, or tables of labels.

`find` lists the pictures with their labels and parts before any of them is opened. Known are: class folders at the top;
parts in any spelling (train/test, Train/Test, training/validation, train/val); GTSRB as published (Final_Training/Images
with a folder a class, Final_Test/Images with GT-final_test.csv) and in Kaggle's form (Train with a folder a class, Test
with Test.csv, Meta); Tiny-ImageNet (a folder `images` in each class, val_annotations.txt). Needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mesa_core.data import labels, order
from mesa_core.data.locate import DataError
from mesa_core.data.seen import Skips, fit
from mesa_core.data.walking import File, Folder, Walker, looking

TRAIN = frozenset(
    ("train", "training", "final_training", "train_images", "training_images", "train_set", "training_set", "trainset")
)
TEST = frozenset(("test", "testing", "final_test", "test_images", "test_set", "testset", "eval", "evaluation"))
VALIDATION = frozenset(("val", "valid", "validation", "val_images", "validation_set", "val_set", "valset"))
PARTS = TRAIN | TEST | VALIDATION
DEEPEST = 6  # folders that hold nothing but one folder, before the classes begin


@dataclass(frozen=True)
class Picture:
    """A picture to be read: its label, and whether it is for testing (None: the place does not say). `name` is that below its class."""

    path: Path
    label: int
    test: bool | None
    name: str


@dataclass(frozen=True)
class Layout:
    """All pictures of a folder; `words` say how it was read, `notes` what else was decided."""

    numbering: order.Numbering
    pictures: list[Picture]
    words: str
    notes: tuple[str, ...] = ()

    @property
    def parted(self) -> bool:
        """Whether the folder itself says which pictures are for testing."""
        return any(picture.test is not None for picture in self.pictures)


@dataclass(frozen=True)
class Part:
    """A folder of a part, or the whole: its class folders by name, or its pictures with a table; one of both is empty."""

    folder: Folder
    classes: dict[str, Folder]
    table: labels.Table | None
    flat: list[File]

    def names(self) -> set[str]:
        """What classes are called here."""
        return set(self.classes) if self.classes else set(self.table.words.values()) if self.table else set()


def find(root: Path, listed: tuple[str, ...], skips: Skips) -> Layout:
    """How the folder is laid out; what is left out goes to `skips`. Raises DataError, which says what was seen."""
    walker = Walker(skips)
    with looking(root):
        return _find(walker, walker.start(root), listed)


def _find(walker: Walker, root: Folder, listed: tuple[str, ...]) -> Layout:
    top, beside = root, list(walker.inside(root)[1])  # files that lie above the pictures: tables may be among them
    for _ in range(DEEPEST):
        folders, files = walker.inside(top)
        if _parts(walker, folders) or len(folders) != 1 or any(file.is_picture for file in files):
            break
        top = folders[0]
        beside += walker.inside(top)[1]
    folders, _ = walker.inside(top)
    parts = _parts(walker, folders)
    if parts:
        return _of_parts(walker, top, parts, folders, beside, listed)
    whole = _part(walker, top, beside)
    if len(whole.names()) < 2:
        raise _refused(walker, root, top, len(whole.names()))
    numbering = _numbered(whole.names(), listed)
    pictures = _pictures(walker, whole, numbering, None)
    walker.only_pictures([file for file in beside if whole.table is None or file.name != whole.table.name])
    how = f"by {fit(whole.table.name)}" if whole.table else f"a folder a class in {fit(top.name)}"
    return Layout(numbering, pictures, f"Read as {how}, without parts; about a sixth is for testing.")


def _parts(walker: Walker, folders: Sequence[Folder]) -> dict[str, Folder]:
    """The folders for training and for testing, by the names 'train', 'test' and 'validation'; {} where they are classes.

    A folder called train that lies among others as one of the classes is no part: it holds pictures, not folders.
    """
    found: dict[str, Folder] = {}
    for part, names in (("train", TRAIN), ("test", TEST), ("validation", VALIDATION)):
        own = [f for f in folders if _word(f) in names and walker.holds_pictures(f)]
        if own:
            found[part] = own[0]
    if len(found) > 1 and ("train" in found or all(_word(f) in PARTS for f in folders)):
        return found
    alone = [f for f in found.values() if _has_classes(walker, f)]
    return {part: f for part, f in found.items() if f in alone}


def _word(folder: Folder) -> str:
    return folder.name.casefold().replace("-", "_").replace(" ", "_")


def _has_classes(walker: Walker, folder: Folder) -> bool:
    """Whether pictures lie in two or more folders of it, and none in itself."""
    for _ in range(DEEPEST):
        folders, files = walker.inside(folder)
        if any(file.is_picture for file in files):
            return False
        if len(folders) != 1:
            return sum(walker.holds_pictures(f) for f in folders) > 1
        folder = folders[0]
    return False


def _part(walker: Walker, folder: Folder, beside: Sequence[File]) -> Part:
    """What a part holds: class folders, else pictures that a table names."""
    tables = list(beside)
    for _ in range(DEEPEST):
        folders, files = walker.inside(folder)
        tables += files
        flat = [file for file in files if file.is_picture]
        if len(folders) != 1 or flat or not _goes_on(walker, folders[0]):
            break
        folder = folders[0]
    empty = [f for f in folders if walker.inside(f) == ([], [])]
    holding = [f for f in folders if walker.holds_pictures(f)]
    if holding and (len(holding) > 1 or not flat):
        for file in flat:
            walker.skips.add("/".join(file.within[-2:]), "lies in no class's folder")
        for one in folders:
            if one not in holding and one not in empty:
                walker.skips.add("/".join(one.within[-2:]), "a folder without pictures")
        return Part(folder, {f.name: f for f in (*holding, *empty)}, None, [])
    return Part(folder, {}, labels.find(flat, tables) if flat else None, flat)


def _goes_on(walker: Walker, folder: Folder) -> bool:
    """Whether a folder that lies alone only wraps what is sought, as Images does in Final_Training and images in val."""
    folders, files = walker.inside(folder)
    return bool(folders) or any(file.is_picture for file in files)


def _of_parts(
    walker: Walker,
    top: Folder,
    parts: dict[str, Folder],
    folders: Sequence[Folder],
    beside: Sequence[File],
    listed: tuple[str, ...],
) -> Layout:
    read = {name: _part(walker, folder, beside) for name, folder in parts.items()}
    notes: list[str] = []
    for name in list(read):
        if not read[name].names():
            own = "/".join(read[name].folder.within)
            walker.skips.add(own, "its pictures have no labels: no class folders, and no table names them")
            del read[name]
    if "test" in read and "validation" in read:
        walker.skips.add("/".join(parts["validation"].within), "a second part for testing")
        del read["validation"]
    for folder in folders:
        if folder not in parts.values():
            again = _word(folder) in PARTS and walker.holds_pictures(folder)
            why = "a part once more" if again else "neither for training nor for testing"
            walker.skips.add("/".join(folder.within[-2:]), why)
    train = read.get("train") or next(iter(read.values()), None)
    test = next((part for name, part in read.items() if name != "train"), None)
    if train is None or len(train.names()) < 2:
        raise _refused(walker, top, top, 0 if train is None else len(train.names()))
    numbering = _numbered(train.names(), listed)
    if test is train:
        test = None
    if test is not None:
        _require_same(test, numbering, notes)
    used = {part.table.name for part in (train, test) if part is not None and part.table is not None}
    walker.only_pictures([file for file in beside if file.name not in used])
    pictures = _pictures(walker, train, numbering, None if test is None else False)
    if test is not None:
        pictures += _pictures(walker, test, numbering, True)
    words = f"Read as {fit(train.folder.within[-1])} for training"
    if "train" in read or test is not None:
        names = [fit(parts[n].name) for n in ("train", "test", "validation") if n in read]
        by = f" (labels of it from {fit(test.table.name)})" if test is not None and test.table else ""
        words = f"Read as {names[0]} for training and {names[1]} for testing{by}" if test else f"Read from {names[0]}"
    return Layout(numbering, pictures, f"{words}{'' if test else '; about a sixth is for testing'}.", tuple(notes))


def _numbered(names: set[str], listed: tuple[str, ...]) -> order.Numbering:
    if not all(name.isprintable() and name.encode("utf-8", "replace").decode() == name for name in names):
        raise DataError("The name of a sub-folder is not plain text; rename it, since it is the name of its class.")
    if len(names) > order.MOST_CLASSES:
        raise DataError(f"There are {len(names)} classes; at most {order.MOST_CLASSES} can be told apart.")
    return order.number(sorted(names), listed)


def _require_same(test: Part, numbering: order.Numbering, notes: list[str]) -> None:
    """DataError where the part for testing has classes of its own; those that it lacks are noted."""
    if not test.classes:
        return
    own = {name: order.of_label(name, numbering) for name in test.classes}
    more = sorted((name for name, label in own.items() if label is None), key=order.natural)
    if more:
        raise DataError(
            f"The parts do not have the same sub-folders (one a class): {fit(test.folder.name)} has "
            f"{', '.join(map(fit, more[:3]))}{' and others' if len(more) > 3 else ''}, which the training part lacks."
        )
    lacks = [name for i, name in enumerate(numbering.classes) if i not in own.values()]
    if lacks:
        notes.append(f"The part for testing has no folder {', '.join(map(fit, lacks[:3]))}.")


def _pictures(walker: Walker, part: Part, numbering: order.Numbering, test: bool | None) -> list[Picture]:
    found: list[Picture] = []
    for name, folder in sorted(part.classes.items(), key=lambda pair: order.natural(pair[0])):
        label = order.of_label(name, numbering)
        assert label is not None, "every class folder is numbered, and a test part without more was checked"
        depth = len(folder.within)
        for file in walker.pictures(folder):
            found.append(Picture(file.path, label, test, "/".join((name, *file.within[depth:]))))
    if part.table is not None:
        for file in part.flat:
            word = part.table.words.get(file.within)
            label = None if word is None else order.of_label(word, numbering)
            if label is None:
                why = "no class" if word is not None else f"not named in {fit(part.table.name)}"
                walker.skips.add("/".join(file.within[-2:]), f"its label is {why}" if word is not None else why)
            else:
                found.append(Picture(file.path, label, test, file.name))
    return found


def _refused(walker: Walker, root: Folder, top: Folder, count: int) -> DataError:
    folders, files = walker.inside(top)
    seen = [f"{len(folders)} folders" if folders else "", f"{len(files)} files" if files else ""]
    there = " and ".join(word for word in seen if word) or "nothing"
    few = ", ".join(fit(name) for name in [*(one.name for one in folders), *(one.name for one in files)][:5])
    walker.only_pictures(files)
    where = "/".join((root.name, *top.within[len(root.within) :]))
    return DataError(
        f"{fit(where)} has {count} sub-folders with pictures; one a class is needed, from 2 to {order.MOST_CLASSES}. It "
        f"holds {there}{f' ({few})' if few else ''}.{walker.skips.words()}"
    )
