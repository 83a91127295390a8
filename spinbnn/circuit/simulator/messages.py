"""What may not go into ngspice, and which of its messages mean that the answer is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .deck import Deck

MOST_LINES = 8
"""Messages that an error text quotes, from the first one that is a fault."""

LOG_TAIL = 4000
"""Characters of the simulator's messages that a result keeps."""

_STEPPING = re.compile(r"(Trying gmin\s*=\s*\S+\s*|Supplies reduced to\s*\S+\s*)+", re.IGNORECASE)
_NOISE = re.compile(
    r"$|note:|or no active circuit|one successful|using (sparse|klu)|simulation interrupted"
    r"|warning:\s*(further gmin increment|last gmin step failed|gmin step|dynamic gmin|true gmin"
    r"|source stepping failed)"
    r"|please check your input netlist|error: ngspice\.dll cannot recover|error: fatal error in ngspice",
    re.IGNORECASE,
)
_FAULT = re.compile(
    r"\berror\b|pterror|\bfatal\b|singular matrix|can'?t find|could not|cannot|unknown|undefined|unrecognized"
    r"|unimplemented|non-existent|ignored|already exists|mismatch|too (many|few)|bad syntax|no circuit loaded"
    r"|circuits loaded|not parsed|aborted|interrupted|out of range|too small|no convergence|iteration limit",
    re.IGNORECASE,
)
_NUMERICAL = re.compile(
    r"timestep too small|no convergence|iteration limit|transient op failed", re.IGNORECASE
)
_POISON = re.compile(r"awaits to be (reset or )?detached|asks for (resetting or )?detaching", re.IGNORECASE)
_QUIT = re.compile(r"'quit' asks for|^ngspice-\S+ done", re.IGNORECASE)

_HINTS = (
    (
        re.compile("singular matrix", re.I),
        "a node without a DC path to ground, a loop of voltage sources, or a "
        "state without an initial voltage",
    ),
    (re.compile("undefined parameter", re.I), "define it with .param or render the number into the deck"),
    (
        re.compile("out of range for", re.I),
        "clamp the argument inside the function; Newton steps leave its domain",
    ),
    (
        re.compile("timestep too small", re.I),
        "mind that v^3 is |v|^3 in a B source, and give max_step below the fastest edge",
    ),
    (
        re.compile("IC on non-existent", re.I),
        "Deck.initial or .ic names a node that the circuit does not have",
    ),
)

QUIT_TEXT = "the deck, or a file that it includes, told ngspice to quit"

_REAL_ANALYSES = (".op", ".dc", ".tran")
_DOT_WORD = re.compile(r"\.[a-z]+(?=\s|$)")
_LOOKED_AT = frozenset((
    ".control", ".endc", ".end", ".include", ".inc", ".lib",
    ".op", ".dc", ".tran", ".ac", ".noise", ".pz", ".tf", ".sens", ".disto", ".pss", ".sp",
))  # fmt: skip
"""Commands that `preflight` has something to say about; a deck without them needs no look at its lines."""


def preflight(deck: Deck) -> str:
    """Return why a deck must not reach ngspice, or an empty string.

    Refused are control blocks (their ``quit`` ends the process, their ``alter`` outlives the deck), a
    second ``.end``, relative include paths (each driver runs in its own folder), noise sources (ngspice's
    random numbers cannot be repeated), and anything but one real-valued analysis. Included files are not
    searched; a ``quit`` in one of them is survived, but keep control commands out of them.

    Examples
    --------
    >>> preflight(Deck(text="R1 a 0 1k"))
    ''
    >>> preflight(Deck(text="R1 a 0 1k\\n.control\\nquit\\n.endc"))
    'line 2: .control: decks hold no control blocks'
    """
    lower = deck.text.lower()
    if _LOOKED_AT.isdisjoint(_DOT_WORD.findall(lower)) and "trnoise" not in lower and "trrandom" not in lower:
        return ""
    count = 0
    for place, line in enumerate(deck.text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("*"):
            continue
        first = words[0].lower()
        if first in (".control", ".endc"):
            return f"line {place}: {first}: decks hold no control blocks"
        if first == ".end":
            return f"line {place}: .end: the deck adds it by itself"
        if first in (".include", ".inc", ".lib") and len(words) > 1:
            path = line.split(None, 1)[1].strip().strip("\"'")
            is_section = first == ".lib" and len(words) == 2 and "/" not in path and "." not in path
            if not is_section and not path.startswith(("/", "~")) and path[1:3] not in (":\\", ":/"):
                return f"line {place}: {first} {path}: give an absolute path; the simulator runs elsewhere"
        if re.search(r"\btr(noise|random)\s*\(", line, re.IGNORECASE):
            return f"line {place}: trnoise/trrandom: not repeatable; draw random numbers in Python"
    for analysis in deck.analyses():
        count += 1
        if analysis not in _REAL_ANALYSES:
            return f"{analysis}: only .op, .dc and transients are run here"
        if deck.stop is not None:
            return f"{analysis} beside Deck.stop: a deck has one analysis"
    if count > 1:
        return "more than one analysis: make one deck for each"
    return ""


def relevant(lines: Iterable[str]) -> list[str]:
    """Return the messages that a reader needs: stepping progress, notes and repeats dropped.

    Examples
    --------
    >>> relevant(["Note: Starting dynamic gmin stepping",
    ...           "Trying gmin =   1.0000E-03 Warning: singular matrix:  check node x",
    ...           "Warning: Further gmin increment", "Warning: singular matrix:  check node x"])
    ['Warning: singular matrix: check node x']
    """
    cleaned = (" ".join(_STEPPING.sub("", line).split()) for line in lines)
    return list(dict.fromkeys(line for line in cleaned if not _NOISE.match(line)))


def fault(lines: Iterable[str]) -> str:
    """Return the error text if one of the messages on stderr means a wrong answer, otherwise an empty string.

    ngspice writes progress notes and errors to the same channel, and can "succeed" on a floating node, an
    ignored model parameter or an initial condition on a node that does not exist; these are faults here.

    Examples
    --------
    >>> fault(["Note: Dynamic gmin stepping completed", "Warning: vset: no DC value, transient time 0 value used"])
    ''
    >>> fault(["Error: unknown subckt: x1 a 0 nosuch"])
    'Error: unknown subckt: x1 a 0 nosuch'
    """
    kept = relevant(lines)
    return explain(kept) if any(_FAULT.search(line) for line in kept) else ""


def explain(lines: Iterable[str]) -> str:
    """Join the relevant messages to one error text, with a hint where one is known."""
    kept = relevant(lines)
    if len(kept) > MOST_LINES:
        first = next((place for place, line in enumerate(kept) if _FAULT.search(line)), 0)
        kept = kept[first:][:MOST_LINES]
    text = " / ".join(kept)
    hints = [hint for pattern, hint in _HINTS if pattern.search(text)]
    return f"{text} ({'; '.join(hints)})" if hints else text


def is_numerical(lines: Iterable[str]) -> bool:
    """Whether other numerics could help: a time step or convergence failure, and no singular matrix."""
    text = "\n".join(lines)
    return bool(_NUMERICAL.search(text)) and "singular matrix" not in text


def is_poisoned(lines: Iterable[str]) -> bool:
    """Whether ngspice announced that its library cannot go on (every later load would fail)."""
    return any(_POISON.search(line) for line in lines)


def has_quit(lines: Iterable[str]) -> bool:
    """Whether a control command made ngspice quit."""
    return any(_QUIT.search(line) for line in lines)


def tail(lines: Iterable[str]) -> str:
    """Return the end of the messages as one text."""
    return "\n".join(lines)[-LOG_TAIL:]
