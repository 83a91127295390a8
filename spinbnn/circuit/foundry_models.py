"""One corner of a foundry's library: which card a transistor of a given size takes, with all its numbers.

A foundry's device is a subcircuit around one transistor. Its card is one of many bins, told apart by ``lmin``, ``lmax``,
``wmin`` and ``wmax``; both the card and the transistor's line hold expressions of the size, of the corner's parameters and
of switches. Here the bin is picked as ngspice picks it, and every expression is folded, so that a deck needs that one card
and nothing else of the library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import DataError, NetlistError, ParameterError, SpinbnnError, suggest
from ..units import spice_number
from .expression import Lookup, Node, number, parse, reduce
from .statements import Statement, assignments

_LITERAL = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?:\.\d+)?[A-Za-z]*")
_FUNCTION = re.compile(r"\.func\s+([A-Za-z_]\w*)\s*\(([^)]*)\)\s*=?\s*(.+)", re.IGNORECASE)
BIN_EDGE = 1e-9
"""Room that ngspice gives a bin at each of its edges [m]: a size within it of two bins takes the one that stands first."""
SIZES = ("w", "l")
_DEEPEST = 8


@dataclass(slots=True)
class _Subcircuit:
    head: Statement
    body: list[Statement] = field(default_factory=list)
    cards: dict[str, Statement] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The card that a transistor of one size takes.

    Attributes
    ----------
    kind : str
        ``nmos`` or ``pmos``.
    name : str
        Its name in the library.
    parameters : mapping of str to str
        Plain numbers and words, as text.
    """

    kind: str
    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transistor:
    """What a foundry's device comes down to.

    Attributes
    ----------
    card : Card
        The card of the size asked for.
    nodes : tuple of str
        Which pin of the device each node of the transistor is (drain, gate, source, bulk), in small letters.
    instance : mapping of str to Node
        Parameters on the transistor's line; what depends on the size is an expression of ``w`` and ``l`` in the library's
        unit.
    scale : float
        Unit of lengths on the transistor's line [m]: the library's ``.option scale``.
    """

    card: Card
    nodes: tuple[str, ...]
    instance: Mapping[str, Node]
    scale: float = 1.0


class CornerModels:
    """Parameters, functions, subcircuits and cards of one section of a library.

    Parameters
    ----------
    statements : iterable of Statement
        The section, includes followed.
    where : str
        Names it in messages.

    Raises
    ------
    DataError
        If a subcircuit does not end.

    Examples
    --------
    >>> from spinbnn.circuit.statements import read_statements
    >>> text = '''.param fast={0.5*2}
    ... .option scale=1u
    ... .subckt mynfet d g s b w=1 l=0.15
    ... M1 d g s b core w={w} l={l} delvto={0.01*fast/l}
    ... .model core.1 nmos level=54 wmin=1e-6 wmax=2e-6 lmin=1e-7 lmax=1e-6 rsh={100/w} vth0=0.4
    ... .model core.2 nmos level=54 wmin=2e-6 wmax=9e-6 lmin=1e-7 lmax=1e-6 rsh={100/w} vth0=0.5
    ... .ends'''
    >>> found = CornerModels(read_statements(text), "my.lib").transistor("mynfet", 4e-6, 2e-7, unit=1e-6)
    >>> found.card.name, found.card.parameters["rsh"], found.instance["delvto"].text({"l": "l/1e-06"})
    ('core.2', '25.0', '(0.01/(l/1e-06))')
    """

    def __init__(self, statements: Iterable[Statement], where: str) -> None:
        self.where = where
        self.parameters: dict[str, tuple[str, Statement]] = {}
        self.functions: dict[str, tuple[tuple[str, ...], Node]] = {}
        self.subcircuits: dict[str, _Subcircuit] = {}
        self.cards: dict[str, Statement] = {}
        self.scale = 1.0
        self._values: dict[str, Node] = {}
        stack: list[_Subcircuit] = []
        for statement in statements:
            match statement.keyword:
                case ".subckt":
                    inner = _Subcircuit(statement)
                    name = _word(statement, 1)
                    self.subcircuits[name] = inner
                    stack.append(inner)
                case ".ends":
                    if not stack:
                        raise DataError("a subcircuit of the library ends that never began", where=statement.place, value=statement.text[:80], remedy="the file is damaged: install the library again")
                    stack.pop()
                case ".model":
                    (stack[-1].cards if stack else self.cards)[_word(statement, 1)] = statement
                case _ if stack:
                    stack[-1].body.append(statement)
                case ".param" | ".params":
                    for key, text in assignments(statement.text.split(None, 1)[1])[1].items():
                        self.parameters[key] = (text, statement)
                case ".func" | ".function":
                    if (found := _FUNCTION.match(statement.text)) is None:
                        raise DataError("a function of the library cannot be read", where=statement.place, value=statement.text[:80], remedy="the file is damaged: install the library again")
                    names = tuple(name.strip().lower() for name in found.group(2).split(",") if name.strip())
                    self.functions[found.group(1).lower()] = (names, _parsed(found.group(3), statement))
                case ".option" | ".options":
                    self._scale(statement)
        if stack:
            raise DataError("a subcircuit of the library does not end", where=stack[-1].head.place, value=stack[-1].head.text[:80], remedy="the file is damaged (.ends is missing): install the library again")

    def _scale(self, statement: Statement) -> None:
        values = assignments(statement.text)[1]
        if "scale" in values and "parser" not in statement.text.lower().split():
            self.scale = self._fold(values["scale"], statement, {}, ()).value

    def transistor(self, device: str, width: float, length: float, *, unit: float, subcircuit: bool = True, given: Mapping[str, str] | None = None) -> Transistor:
        """Return card and line of a device of one size.

        Parameters
        ----------
        device : str
            Name of the device.
        width, length : float
            Drawn size [m].
        unit : float
            Unit of the device's ``w`` and ``l`` [m].
        subcircuit : bool
            Whether the device is a subcircuit; otherwise it is a card.
        given : mapping of str to str, optional
            Further parameters of the device: expressions of ``w`` and ``l`` in its unit.

        Raises
        ------
        NetlistError
            If there is no such device, or it is more than one transistor.
        ParameterError
            If no bin holds the size.
        """
        local = {name: parse(text) for name, text in (given or {}).items()}
        own = {name: Node("name", name=name) for name in SIZES} | {name: reduce(node, lambda key: None) for name, node in local.items()}
        sizes = {"w": number(width / unit), "l": number(length / unit)}
        if subcircuit:
            return self._inside(device.lower(), own, sizes, 0)
        card = self._card(device.lower(), {}, sizes, sizes, f"{self.where}, card {device!r}")
        return Transistor(card=card, nodes=("d", "g", "s", "b"), instance=own, scale=self.scale)

    def _inside(self, device: str, given: Mapping[str, Node], sizes: Mapping[str, Node], depth: int) -> Transistor:
        """Resolve a subcircuit whose parameters are ``given``, as expressions of the outermost w and l."""
        if device not in self.subcircuits:
            raise NetlistError("the library has no such device", where=self.where, value=device, remedy=suggest(device, self.subcircuits))
        subcircuit = self.subcircuits[device]
        place = subcircuit.head.place
        if depth > _DEEPEST:
            raise NetlistError("subcircuits of the library call each other without end", where=place, value=device, remedy="mend the library")
        words, texts = assignments(subcircuit.head.text)
        pins = [word.lower() for word in words[2:] if word.lower() not in ("params:",)]
        elements = []
        for statement in subcircuit.body:
            if statement.keyword in (".param", ".params"):
                texts |= assignments(statement.text.split(None, 1)[1])[1] if " " in statement.text else {}
            elif not statement.keyword.startswith("."):
                elements.append(statement)
        if missing := set(given) - set(texts):
            raise ParameterError("the device has no such parameter", where=f"{place}, subcircuit {device!r}", value=sorted(missing)[0], remedy=suggest(sorted(missing)[0], texts))
        local = {name: text for name, text in texts.items() if name not in given}
        cache: dict[str, Node] = dict(given)

        def lookup(name: str) -> Node | None:
            if name in cache:
                return cache[name]
            if name in local:
                text = local.pop(name)  # a name that needs itself is then looked for outside
                cache[name] = reduce(_parsed(text, subcircuit.head), lookup, self.functions)
                return cache[name]
            return self._global(name, subcircuit.head)

        if len(elements) != 1 or elements[0].text[0].lower() not in "mx":
            shown = ", ".join(statement.text.split()[0] for statement in elements) or "nothing"
            raise NetlistError("a device is not one transistor alone, so that it cannot be taken out of its library", where=f"{place}, subcircuit {device!r}", value=shown, remedy="set extract = false in [library]: decks then include the library as it is")
        words, values = assignments(elements[0].text)
        inner = {name: self._reduced(text, elements[0], lookup) for name, text in values.items()}
        if elements[0].text[0].lower() == "x":
            found = self._inside(words[-1].lower(), inner, sizes, depth + 1)
            names = dict(zip(self._pins(words[-1].lower()), (word.lower() for word in words[1:-1]), strict=False))
            return Transistor(card=found.card, nodes=tuple(names.get(node, node) for node in found.nodes), instance=found.instance, scale=self.scale)
        nodes = tuple(word.lower() for word in words[1:-1])
        if len(nodes) != 4 or not set(nodes) <= set(pins):
            raise NetlistError("a transistor whose nodes are not pins of its device", where=elements[0].place, value=" ".join(words), remedy="set extract = false in [library]")

        def at_size(name: str) -> Node | None:
            found = lookup(name)
            return None if found is None else reduce(found, sizes.get)

        drawn = {name: reduce(inner[name], sizes.get) if name in inner else sizes[name] for name in SIZES}
        if "nf" in inner and inner["nf"] != number(1.0):
            raise NetlistError("a transistor of more than one finger: which bin it takes depends on ngspice's mode", where=elements[0].place, value=device, remedy="leave nf at 1, or set extract = false in [library]")
        card = self._card(words[-1].lower(), subcircuit.cards, drawn, sizes, f"{place}, subcircuit {device!r}", at_size)
        return Transistor(card=card, nodes=nodes, instance=inner, scale=self.scale)

    def _pins(self, device: str) -> list[str]:
        return [word.lower() for word in assignments(self.subcircuits[device].head.text)[0][2:]]

    def _card(self, name: str, local: Mapping[str, Statement], drawn: Mapping[str, Node], sizes: Mapping[str, Node], where: str, lookup: Lookup | None = None) -> Card:
        """Return the card or the bin for a drawn size, its numbers folded."""

        seek = lookup or (lambda key: sizes[key] if key in sizes else self._global(key, statement))
        bins = [(key, cards[key]) for cards in (local, self.cards) for key in cards if key == name or re.fullmatch(re.escape(name) + r"\.\d+", key)]
        if not bins:
            raise NetlistError("the library has no such card", where=where, value=name, remedy="check the names of the devices, and that the library is complete")
        width, length = drawn["w"].value * self.scale, drawn["l"].value * self.scale
        ranges: list[dict[str, float]] = []
        for key, statement in bins:
            words, values = assignments(_flat(statement.text))
            edges: dict[str, float] = {edge: reduce(_parsed(values[edge], statement), seek, self.functions).value for edge in ("wmin", "wmax", "lmin", "lmax") if edge in values}
            ranges.append(edges)
            if len(bins) == 1 and len(edges) < 4:
                edges = {}
            if edges and len(edges) < 4:
                raise DataError("a bin of the library lacks a limit", where=statement.place, value=sorted(edges), remedy="the file is damaged (lmin, lmax, wmin, wmax): install the library again")
            if not edges or (_holds(width, edges["wmin"], edges["wmax"]) and _holds(length, edges["lmin"], edges["lmax"])):
                if len(words) < 3 or words[2].lower() not in ("nmos", "pmos"):
                    raise NetlistError("a card that is no transistor", where=statement.place, value=statement.text[:80], remedy="name an nmos and a pmos")
                plain = {k: self._plain(text, statement, seek) for k, text in values.items() if k not in ("wmin", "wmax", "lmin", "lmax")}
                return Card(kind=words[2].lower(), name=key, parameters=plain)
        raise ParameterError(
            f"no model of {name!r} holds W = {width * 1e6:.6g} um, L = {length * 1e6:.6g} um", where=where, value=(width, length),
            remedy=f"nearest: {_nearest(ranges, width, length)}",
        )  # fmt: skip

    def _plain(self, text: str, statement: Statement, lookup: Lookup) -> str:
        """Return a card's value as a plain number or word."""
        if _LITERAL.fullmatch(text):
            return text
        folded = self._reduced(text, statement, lookup)
        if not folded.is_number:
            raise NetlistError("a card's number depends on something that is not known", where=statement.place, value=text[:80], remedy="set extract = false in [library]")
        return spice_number(folded.value)

    def _reduced(self, text: str, statement: Statement, lookup: Lookup) -> Node:
        try:
            return reduce(_parsed(text, statement), lookup, self.functions)
        except NetlistError as error:
            raise _placed(error, statement) from None

    def _global(self, name: str, statement: Statement) -> Node:
        """Return the value of a parameter of the section."""
        if name in self._values:
            return self._values[name]
        if name not in self.parameters:
            raise NetlistError("a parameter that the library does not define", where=statement.place, value=name, remedy="the section lacks a file, or the library is damaged: check the path, or set extract = false in [library]")
        text, origin = self.parameters[name]
        return self._fold(text, origin, {}, (name,))

    def _fold(self, text: str, statement: Statement, known: Mapping[str, Node], open_names: tuple[str, ...]) -> Node:
        """Fold an expression of global parameters; remember the value of the last open name."""

        def lookup(name: str) -> Node:
            if name in self._values:
                return self._values[name]
            if name in open_names:
                raise NetlistError("parameters of the library need each other in a circle", where=statement.place, value=" -> ".join((*open_names, name)), remedy="the library is damaged: install it again")
            if name not in self.parameters:
                raise NetlistError("a parameter that the library does not define", where=statement.place, value=name, remedy="the section lacks a file, or the library is damaged: check the path, or set extract = false in [library]")
            inner, origin = self.parameters[name]
            return self._fold(inner, origin, known, (*open_names, name))

        value = reduce(_parsed(text, statement), lookup, self.functions)
        if open_names:
            self._values[open_names[-1]] = value
        return value


def _word(statement: Statement, place: int) -> str:
    words = statement.text.split(None, place + 1)
    if len(words) <= place:
        raise DataError("a statement of the library lacks its name", where=statement.place, value=statement.text[:80], remedy="the file is damaged: install the library again")
    return words[place].lower()


def _parsed(text: str, statement: Statement) -> Node:
    try:
        return parse(text)
    except NetlistError as error:
        raise _placed(error, statement) from None


def _placed(error: NetlistError, statement: Statement) -> SpinbnnError:
    """Say in which file and line an expression stands."""
    if ", line " in error.where:
        return error
    return NetlistError(error.what, where=f"{statement.place}, {error.where}", value=error.value, remedy=error.remedy)


def _flat(text: str) -> str:
    """Remove the round brackets that may stand around all parameters of a card."""
    opening = re.match(r"(\.model\s+\S+?\s*[A-Za-z]*\s*)\(", text, re.IGNORECASE)
    if opening is None or not text.rstrip().endswith(")"):
        return text
    return f"{opening.group(1)} {text[opening.end():].rstrip()[:-1]}"


def _holds(value: float, low: float, high: float) -> bool:
    return low - BIN_EDGE < value < high + BIN_EDGE


def _nearest(ranges: list[dict[str, float]], width: float, length: float) -> str:
    """Describe the three bins nearest to a size."""

    def distance(edges: dict[str, float]) -> float:
        return sum(max(edges[f"{key}min"] / value, value / edges[f"{key}max"], 1.0) for key, value in (("w", width), ("l", length)))

    found = sorted((edges for edges in ranges if len(edges) == 4), key=distance)[:3]
    shown = (f"W {e['wmin'] * 1e6:.6g} to {e['wmax'] * 1e6:.6g} um, L {e['lmin'] * 1e6:.6g} to {e['lmax'] * 1e6:.6g} um" for e in found)
    return "; ".join(shown) or "none has limits"
