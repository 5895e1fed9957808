"""Small changes of a source, each of which a test should notice: comparisons, signs, constants, clamps, branches.

A change is made on the syntax tree, so that all else, the line numbers too, stays as it is.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ORDER: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
SUMS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
# Methods and functions that can go, so that what they were given remains; those of a module take their first argument.
DROPPED = frozenset(
    ("clamp", "clamp_", "clip", "relu", "leaky_relu", "silu", "softplus", "sigmoid", "logit", "tanh", "softmax")
    + ("log_softmax", "abs", "log", "exp", "sqrt", "square", "rint", "round", "cumsum", "detach", "flip", "roll")
    + ("sort", "sorted")
)
CHAINED = frozenset(
    ("exp", "log", "sqrt", "square", "abs", "clamp", "sigmoid", "softmax", "mean", "sum", "amax", "amin")
)
# What a keyword says of how, not of what: an error that is to be noticed, memory, speed.
HOW = frozenset(("strict", "set_to_none", "foreach", "copy"))
SWAPPED = {
    **{"min": "max", "max": "min", "amin": "amax", "amax": "amin", "argmin": "argmax", "argmax": "argmin"},
    **{"mean": "sum", "sum": "mean", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"},
}
MODULES = ("F", "np", "torch", "math", "functional")  # `F.relu(x)` is of its argument, `x.relu()` of what stands before


@dataclass(frozen=True)
class Mutant:
    """One change: the lines of what is changed, the function it lies in ('' for none), and words."""

    source: str
    number: int
    first: int
    last: int
    function: str
    inside: bool  # of the function's body, where its code can be exchanged
    what: str

    @property
    def tree(self) -> ast.Module:
        """The changed source, parsed anew."""
        tree = ast.parse(self.source)
        place, put = next(one[1:] for number, one in enumerate(_every(tree)) if number == self.number)[:2]
        _set(place, put)
        return ast.fix_missing_locations(tree)


@dataclass(frozen=True)
class Place:
    """Where a node hangs: the field of its parent, and which of a list; the function; whether in a body."""

    parent: ast.AST
    field: str
    index: int | None
    function: str
    inside: bool


def mutants(source: str) -> Iterator[Mutant]:
    """Every change of a source, in the order of its lines."""
    for number, (node, place, _, what) in enumerate(_every(ast.parse(source))):
        first = getattr(node, "lineno", 0)
        last = getattr(node, "end_lineno", first)
        yield Mutant(source, number, first, last, place.function, place.inside, what)


def _every(tree: ast.Module) -> Iterator[tuple[ast.AST, Place, ast.AST, str]]:
    """All changes of a tree: the node, where it hangs, what is put there, and words."""
    for node, place in list(walk(tree)):
        for what, put in changes(node):
            yield node, place, put, what


def walk(tree: ast.Module) -> Iterator[tuple[ast.AST, Place]]:
    """Nodes that are computed with, and where they hang; no words, no annotations, no errors' messages."""

    def below(node: ast.AST, function: str, inside: bool, names: tuple[str, ...]) -> Iterator[tuple[ast.AST, Place]]:
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_comment", "keywords") and not (
                field == "keywords" and isinstance(node, ast.Call)
            ):
                continue
            if isinstance(node, ast.Assert) and field == "msg":
                continue
            within = inside or (field == "body" and isinstance(node, ast.FunctionDef) and bool(function))
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(child, ast.AST) or skipped(child):
                    continue
                path, own = names, function
                if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                    path = (*names, child.name)
                    if isinstance(child, ast.FunctionDef) and not function:
                        own = ".".join(path)
                yield child, Place(node, field, index, own if within else "", within)
                yield from below(child, own, within, path)

    yield from below(tree, "", False, ())


def skipped(node: ast.AST) -> bool:
    """Words for people, imports and errors: no test needs to know them."""
    if isinstance(node, ast.keyword) and node.arg in HOW:
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    return isinstance(node, (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom))


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The changes of one node, each with words."""
    for put in _changed(node):
        yield f"{_short(node)} -> {_short(put)}", ast.copy_location(put, node)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    makers: dict[type, Callable[..., Iterator[ast.AST]]] = {
        ast.Compare: _compare,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.BoolOp: _bool,
        ast.Constant: _constant,
        ast.Call: _call,
        ast.IfExp: _choice,
        ast.If: _branch,
        ast.AugAssign: _augmented,
        ast.Expr: _statement,
    }
    maker = makers.get(type(node))
    if maker:
        yield from maker(node)


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for index, kind in enumerate(node.ops):
        for other in ORDER[type(kind)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield ast.Compare(node.left, ops, node.comparators)


def _binary(node: ast.BinOp) -> Iterator[ast.AST]:
    texts = any(isinstance(n, ast.JoinedStr) or _is(n, str) for side in (node.left, node.right) for n in ast.walk(side))
    other = SUMS.get(type(node.op))
    if other is not None and not texts:
        yield ast.BinOp(node.left, other(), node.right)


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if not _is(node.operand, (int, float)):  # a negative number is a constant
        yield node.operand


def _bool(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        if value:
            yield ast.Constant(value - 1)
    elif isinstance(value, float):
        yield ast.Constant(value * 2 if value else 1.0)
        if value:
            yield ast.Constant(value / 2)


def _call(node: ast.Call) -> Iterator[ast.AST]:
    name = _name(node)
    if name in DROPPED:
        rest = _subject(node)
        if rest is not None:
            yield rest
    if name in SWAPPED and not (isinstance(node.func, ast.Name) and name == "sum"):
        yield _renamed(node, SWAPPED[name])
    before = node.func.value if isinstance(node.func, ast.Attribute) else None
    if name in CHAINED and isinstance(before, ast.Call) and isinstance(before.func, ast.Attribute):
        subject, earlier = before.func.value, before.func.attr
        if earlier in CHAINED and earlier != name and not (isinstance(subject, ast.Name) and subject.id in MODULES):
            first = ast.Call(ast.Attribute(subject, name, ast.Load()), node.args, node.keywords)
            yield ast.Call(ast.Attribute(first, earlier, ast.Load()), before.args, before.keywords)
    for index, word in enumerate(node.keywords):
        if name in ("clamp", "clip") and word.arg in ("min", "max") and len(node.keywords) + len(node.args) > 1:
            yield ast.Call(node.func, node.args, [*node.keywords[:index], *node.keywords[index + 1 :]])


def _choice(node: ast.IfExp) -> Iterator[ast.AST]:
    yield ast.IfExp(node.test, node.orelse, node.body)


def _branch(node: ast.If) -> Iterator[ast.AST]:
    if not isinstance(node.test, (ast.Compare, ast.UnaryOp)):  # those are turned round themselves
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)


def _augmented(node: ast.AugAssign) -> Iterator[ast.AST]:
    other = SUMS.get(type(node.op))
    if other is not None:
        yield ast.AugAssign(node.target, other(), node.value)


def _statement(node: ast.Expr) -> Iterator[ast.AST]:
    if isinstance(node.value, ast.Call):
        yield ast.Pass()


# -- parts
def _is(node: ast.AST, kind: type | tuple[type, ...]) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, kind) and not isinstance(node.value, bool)


def _name(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _subject(node: ast.Call) -> ast.expr | None:
    """What a call is of: what stands before the dot, or its first argument."""
    if isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id in MODULES
    ):
        return node.func.value
    return node.args[0] if node.args else None


def _renamed(node: ast.Call, name: str) -> ast.Call:
    if isinstance(node.func, ast.Attribute):
        return ast.Call(ast.Attribute(node.func.value, name, node.func.ctx), node.args, node.keywords)
    return ast.Call(ast.Name(name, ast.Load()), node.args, node.keywords)


def _set(place: Place, put: ast.AST) -> ast.AST:
    """Hang a node in; returns what hung there."""
    if place.index is None:
        old = getattr(place.parent, place.field)
        setattr(place.parent, place.field, put)
        return old
    siblings = getattr(place.parent, place.field)
    old, siblings[place.index] = siblings[place.index], put
    return old


def _short(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= 90 else f"{text[:44]} … {text[-44:]}"
