"""Parameter expressions of SPICE libraries: read, folded to numbers, and written back where they depend on a size.

The grammar is that of ngspice's ``.param`` (manual, chapter 2.9): numbers with suffixes, names, ``+ - * / ** ^``,
comparisons, ``&& || !``, ``c ? a : b``, functions. Powers are taken from the left and of the magnitude: ``2**3**2`` is
64 and ``(-2)**3`` is 8, in ngspice as here. Random functions (``agauss``, ``gauss``, ``aunif``, ``unif``,
``limit``) are their nominal value: all randomness of spinbnn lives in Python.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..errors import NetlistError, UnitError
from ..units import parse_spice, spice_number

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?[A-Za-z]*|\.\d+(?:[eE][+-]?\d+)?[A-Za-z]*)|([A-Za-z_][\w.]*)|(\*\*|==|!=|<=|>=|&&|\|\||[-+*/%^<>!?:(),]))")
_BRACKETS = str.maketrans({"{": "(", "}": ")", "'": " ", '"': " ", "[": "(", "]": ")"})
_DEPTH = 100

RANDOM = frozenset({"agauss", "gauss", "aunif", "unif", "limit"})
"""Functions that stand for their first argument."""

FUNCTIONS: Mapping[str, tuple[int, Callable[..., float]]] = {
    "sqrt": (1, math.sqrt), "exp": (1, math.exp), "ln": (1, math.log), "log": (1, math.log), "log10": (1, math.log10),
    "abs": (1, abs), "sin": (1, math.sin), "cos": (1, math.cos), "tan": (1, math.tan), "asin": (1, math.asin),
    "acos": (1, math.acos), "atan": (1, math.atan), "sinh": (1, math.sinh), "cosh": (1, math.cosh), "tanh": (1, math.tanh),
    "int": (1, math.trunc), "floor": (1, math.floor), "ceil": (1, math.ceil), "nint": (1, round), "sqr": (1, lambda x: x * x),
    "sgn": (1, lambda x: float((x > 0) - (x < 0))), "min": (2, min), "max": (2, max),
    "pow": (2, math.pow), "pwr": (2, lambda x, y: math.pow(abs(x), y)),
}  # fmt: skip
"""Number of arguments and meaning of every function."""

_BINARY: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "%": math.fmod, "^": lambda a, b: math.pow(abs(a), b), "==": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b),
    "<": lambda a, b: float(a < b), ">": lambda a, b: float(a > b), "<=": lambda a, b: float(a <= b),
    ">=": lambda a, b: float(a >= b), "&&": lambda a, b: float(bool(a) and bool(b)), "||": lambda a, b: float(bool(a) or bool(b)),
}  # fmt: skip
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))


@dataclass(frozen=True, slots=True)
class Node:
    """One node of an expression: a number, a name, or an operation on other nodes.

    Attributes
    ----------
    kind : str
        ``"number"``, ``"name"``, ``"call"``, ``"if"``, ``"-"`` with one part, ``"!"``, or a binary operator.
    value : float
        The number.
    name : str
        The name, or the function's.
    parts : tuple of Node
        Operands.
    """

    kind: str
    value: float = 0.0
    name: str = ""
    parts: tuple[Node, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether this is a plain number."""
        return self.kind == "number"

    def text(self, names: Mapping[str, str]) -> str:
        """Return SPICE text; ``names`` says what stands for the names that are left.

        Examples
        --------
        >>> reduce(parse("2*3/w + 1"), lambda name: None).text({"w": "w/1e-06"})
        '((6.0/(w/1e-06))+1.0)'
        """
        inner = [part.text(names) for part in self.parts]
        match self.kind:
            case "number":
                return spice_number(self.value) if self.value >= 0 else f"({spice_number(self.value)})"
            case "name":
                return f"({names[self.name]})"
            case "call":
                return f"{self.name}({','.join(inner)})"
            case "if":
                return f"({inner[0]} ? {inner[1]} : {inner[2]})"
            case "-" | "!" if len(inner) == 1:
                return f"({self.kind}{inner[0]})"
            case "^":
                return f"({inner[0]}**{inner[1]})"
        return f"({inner[0]}{self.kind}{inner[1]})"


def number(value: float) -> Node:
    """Return a node that holds a number."""
    return Node("number", value=float(value))


@lru_cache(maxsize=20_000)
def parse(text: str) -> Node:
    """Read an expression; braces and quotes count as parentheses and blanks.

    Raises
    ------
    NetlistError
        If the text is no expression.

    Examples
    --------
    >>> evaluate("{1.5k + '2*3'}", {})
    1506.0
    """
    tokens, position, plain = [], 0, text.translate(_BRACKETS).strip()
    while position < len(plain):
        found = _TOKEN.match(plain, position)
        if found is None:
            raise _bad(text, f"unexpected {plain[position:position + 12].strip()!r}")
        tokens.append(found.groups())
        position = found.end()
    reader = _Reader(text, tokens)
    node = reader.ternary()
    if reader.position < len(tokens):
        raise _bad(text, "something is left over at its end")
    return node


def _bad(text: str, what: str) -> NetlistError:
    return NetlistError(f"not a parameter expression: {what}", where="expression", value=text[:200], remedy="see the ngspice manual, chapter 2.9")


class _Reader:
    """Recursive descent over the tokens (number, name, operator) of one text."""

    def __init__(self, text: str, tokens: list[tuple[str | None, ...]]) -> None:
        self.text, self.tokens, self.position = text, tokens, 0

    def operator(self, *wanted: str) -> str | None:
        """Take the next token if it is one of these operators."""
        if self.position < len(self.tokens) and self.tokens[self.position][2] in wanted:
            self.position += 1
            return self.tokens[self.position - 1][2]
        return None

    def expect(self, wanted: str) -> None:
        if self.operator(wanted) is None:
            raise _bad(self.text, f"{wanted!r} is missing")

    def ternary(self) -> Node:
        condition = self.level(0)
        if self.operator("?") is None:
            return condition
        first = self.ternary()
        self.expect(":")
        return Node("if", parts=(condition, first, self.ternary()))

    def level(self, depth: int) -> Node:
        if depth == len(_LEVELS):
            return self.unary()
        node = self.level(depth + 1)
        while (symbol := self.operator(*_LEVELS[depth])) is not None:
            node = Node(symbol, parts=(node, self.level(depth + 1)))
        return node

    def unary(self) -> Node:
        if (symbol := self.operator("-", "+", "!")) is not None:
            inner = self.unary()
            return inner if symbol == "+" else Node(symbol, parts=(inner,))
        base = self.atom()
        while self.operator("**", "^") is not None:
            negative = self.operator("-") is not None
            exponent = self.atom()
            base = Node("^", parts=(base, Node("-", parts=(exponent,)) if negative else exponent))
        return base

    def atom(self) -> Node:
        if self.operator("("):
            inner = self.ternary()
            self.expect(")")
            return inner
        if self.position == len(self.tokens):
            raise _bad(self.text, "it ends too early")
        literal, name, symbol = self.tokens[self.position]
        self.position += 1
        if literal is not None:
            try:
                return number(parse_spice(literal))
            except UnitError:
                raise _bad(self.text, f"{literal!r} is no number") from None
        if name is None:
            raise _bad(self.text, f"unexpected {symbol!r}")
        if self.operator("(") is None:
            return Node("name", name=name.lower())
        arguments: list[Node] = []
        if self.operator(")") is None:
            arguments.append(self.ternary())
            while self.operator(","):
                arguments.append(self.ternary())
            self.expect(")")
        return Node("call", name=name.lower(), parts=tuple(arguments))


Lookup = Callable[[str], Node | None]
"""Gives the reduced value of a name, or None where the name stays free."""


def reduce(node: Node, lookup: Lookup, functions: Mapping[str, tuple[tuple[str, ...], Node]] | None = None, depth: int = 0) -> Node:
    """Fold an expression as far as its names are known; zero times anything is zero.

    Parameters
    ----------
    node : Node
        What to fold.
    lookup : callable
        Value of a name; None leaves it as it is. It raises for names that do not exist.
    functions : mapping, optional
        Functions that the library defines: names of the arguments, and the body.
    depth : int
        Nesting of such functions so far.

    Raises
    ------
    NetlistError
        For unknown functions, wrong numbers of arguments and values outside a function's domain.

    Examples
    --------
    >>> known = {"switch": number(0.0), "a": number(2.0)}
    >>> reduce(parse("a*3 + switch*agauss(0,1,1)/sqrt(w)"), known.get).value
    6.0
    """
    own = functions or {}
    if depth > _DEPTH:
        raise NetlistError("functions of the library call each other without end", where="expression", value=node.name, remedy="mend the library")
    match node.kind:
        case "number":
            return node
        case "name":
            found = lookup(node.name)
            return node if found is None else found
        case "call" if node.name in own and node.name not in RANDOM:
            names, body = own[node.name]
            _check_count(node, len(names))
            values = dict(zip(names, (reduce(part, lookup, own, depth) for part in node.parts), strict=True))
            return reduce(body, lambda name: values[name] if name in values else lookup(name), own, depth + 1)
        case "if":
            condition = reduce(node.parts[0], lookup, own, depth)
            if condition.is_number:
                return reduce(node.parts[1 if condition.value else 2], lookup, own, depth)
            return Node("if", parts=(condition, *(reduce(part, lookup, own, depth) for part in node.parts[1:])))
    parts = tuple(reduce(part, lookup, own, depth) for part in node.parts)
    if node.kind == "call" and node.name in RANDOM and parts:
        return parts[0]
    if node.kind == "call" and node.name == "ternary_fcn" and len(parts) == 3:
        return reduce(Node("if", parts=parts), lookup, own, depth)
    if node.kind == "call":
        if node.name not in FUNCTIONS:
            raise NetlistError("a function that is not known", where="expression", value=node.name, remedy="set extract = false in [library]: decks then include the library as it is")
        _check_count(node, FUNCTIONS[node.name][0])
    if node.kind in ("*", "/") and parts[0].is_number and parts[0].value == 0.0 and not (node.kind == "/" and parts[1].is_number and parts[1].value == 0.0):
        return number(0.0)
    if node.kind == "*" and parts[1].is_number and parts[1].value == 0.0:
        return number(0.0)
    if node.kind in ("+", "-") and len(parts) == 2:
        for zero, other in ((parts[1], parts[0]), (parts[0], parts[1])):
            if zero.is_number and zero.value == 0.0 and (node.kind == "+" or zero is parts[1]):
                return other
    if all(part.is_number for part in parts):
        return number(_apply(node, [part.value for part in parts]))
    return Node(node.kind, name=node.name, parts=parts)


def _check_count(node: Node, wanted: int) -> None:
    if len(node.parts) != wanted:
        raise NetlistError(f"{node.name} takes {wanted} argument(s)", where="expression", value=len(node.parts), remedy="mend the expression")


def _apply(node: Node, values: list[float]) -> float:
    try:
        if node.kind == "call":
            result = float(FUNCTIONS[node.name][1](*values))
        elif len(values) == 1:
            result = -values[0] if node.kind == "-" else float(not values[0])
        else:
            result = float(_BINARY[node.kind](*values))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise NetlistError(f"an expression has no value: {error}", where="expression", value=(node.name or node.kind, values), remedy="check the sizes and the library") from None
    if not math.isfinite(result):
        raise NetlistError("an expression is not finite", where="expression", value=(node.name or node.kind, values), remedy="check the sizes and the library")
    return result


def evaluate(text: str, names: Mapping[str, float]) -> float:
    """Return the value of an expression.

    Parameters
    ----------
    text : str
        The expression.
    names : mapping of str to float
        Values of its names, in lower case.

    Raises
    ------
    NetlistError
        If the text is no expression, a name is not given, or there is no value.

    Examples
    --------
    >>> evaluate("(0.001*56/(w*l)+0.999)", {"w": 1.0, "l": 0.15})
    1.3723333333333334
    """

    def lookup(name: str) -> Node:
        if name not in names:
            raise NetlistError("a name that is not known here", where="expression", value=name, remedy=f"known: {', '.join(sorted(names)) or 'none'}")
        return number(names[name])

    return reduce(parse(text), lookup).value
