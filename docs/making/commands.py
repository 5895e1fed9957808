"""The command line as a page, made from the parser that reads it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from html import escape

from mesa_core.cli.parser import build_parser

MOST = 8  # options of a group that are shown at once; more wait behind a click
Verb = tuple[str, str, argparse.ArgumentParser]


def verbs() -> list[Verb]:
    """Every sub-command: its name, its line in the help, its parser."""
    parser = build_parser()
    (all_of_them,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    short = {one.dest: one.help or "" for one in all_of_them._choices_actions}
    return [(name, short[name], verb) for name, verb in all_of_them.choices.items()]


def page() -> str:
    """An overview, then a part for each sub-command."""
    parser = build_parser()
    before = [one for one in parser._actions if isinstance(one, argparse._StoreAction)]
    listed = "\n".join(f"| [`mesa-lab {name}`](#mesa-lab-{name}) | {told(short)} |" for name, short, _ in verbs())
    first = f"{told(parser.description or '')}\n\n| command | what it does |\n| --- | --- |\n{listed}"
    general = f"Before the command, for all of them:\n\n{table(before, parser.prog)}"
    return "\n\n".join([first, general, *(part(*verb) for verb in verbs())])


def part(name: str, short: str, parser: argparse.ArgumentParser) -> str:
    """One sub-command: what it does, how it is written, its options by group."""
    groups = [
        (group.title or "", [one for one in group._group_actions if shown(one)]) for group in parser._action_groups
    ]
    every = [one for _, group in groups for one in group]
    words = [spelt(one) for one in every if not one.option_strings]
    words += [f"{one.option_strings[0]} {spelt(one)}" for one in every if one.option_strings and one.required]
    usage = " ".join([parser.prog, *words, "[options]"])
    parts = [
        f"## `mesa-lab {name}` {{ #mesa-lab-{name} }}",
        told(parser.description or short),
        f"```text\n{usage}\n```",
    ]
    return "\n\n".join([*parts, *laid_out(groups, parser.prog)])


def laid_out(groups: Iterable[tuple[str, list[argparse.Action]]], prog: str) -> Iterator[str]:
    """The groups that have options, long ones behind a click."""
    for title, actions in groups:
        if actions and len(actions) <= MOST:
            yield f"*{told(title)}*\n\n{table(actions, prog)}"
        elif actions:
            inside = "\n".join(f"    {line}" for line in table(actions, prog).splitlines())
            yield f'??? note "{told(title)} ({len(actions)})"\n\n{inside}'


def table(actions: Iterable[argparse.Action], prog: str) -> str:
    """Options and what they mean."""
    rows = "\n".join(f"| {names(one)} | {meaning(one, prog)} |" for one in actions)
    return f"| option | meaning |\n| --- | --- |\n{rows}"


def shown(action: argparse.Action) -> bool:
    """Whether an option has its line; --help is the same everywhere."""
    return action.help is not argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)


def names(action: argparse.Action) -> str:
    """How an option is written."""
    if not action.option_strings:
        return f"`{spelt(action)}`"
    value = "" if action.nargs == 0 else f" {spelt(action)}"
    return ", ".join(f"`{name}{value}`" for name in action.option_strings)


def spelt(action: argparse.Action) -> str:
    """The value of an option, as a usage line spells it."""
    value = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    word = value if isinstance(value, str) else value[0]
    many = {"+": f"{word} ...", "*": f"[{word} ...]", "?": f"[{word}]"}
    return many.get(str(action.nargs), word)


def meaning(action: argparse.Action, prog: str) -> str:
    """An option's help, the words that it takes, and its default where the help does not say it."""
    said = (action.help or "") % {**vars(action), "prog": prog}
    if action.choices and not action.metavar:
        said += f" One of: {', '.join(map(str, action.choices))}."
    if action.default not in (None, False, "", [], argparse.SUPPRESS) and "efault" not in said:
        said += f" Default: {action.default}."
    return told(said.strip())


def told(text: str) -> str:
    """Text in a table's cell, with nothing that Markdown would take for a mark."""
    plain = escape(" ".join(text.split()), quote=False)
    for mark in "|*_[]{}`":
        plain = plain.replace(mark, f"&#{ord(mark)};")
    return plain
