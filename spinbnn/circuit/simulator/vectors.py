"""Names of simulator vectors, and the choice of those that a deck asks for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .deck import Deck
from .ladder import SpiceFault

END_TOLERANCE = 1e-6
"""How far a transient may end before its stop time, as a fraction of it: rounding of the last step, no more."""


def canonical(name: str) -> str:
    """Return one spelling for a vector, whichever door of ngspice it came through.

    The library calls a node ``out`` and a branch ``v1#branch``; the raw file calls them ``v(out)`` and
    ``i(v1)``, wraps sweeps (``v(v-sweep)``) and device values (``i(@d1[id])``), and upper case is lost in both.

    Examples
    --------
    >>> [canonical(n) for n in ("out", "V1#branch", "i(v.xj.va)", "v(v-sweep)", "i(@d1[id])", "time")]
    ['v(out)', 'i(v1)', 'i(v.xj.va)', 'v-sweep', '@d1[id]', 'time']
    """
    name = name.strip().lower()
    if name[:2] in ("v(", "i(") and name.endswith(")"):
        inner = name[2:-1]
        return inner if inner.startswith("@") or is_sweep(inner) else name
    if name.startswith("@") or is_sweep(name):
        return name
    if name.endswith("#branch"):
        return f"i({name[: -len('#branch')]})"
    return f"v({name})"


def is_sweep(name: str) -> bool:
    """Whether a vector is the abscissa of its analysis (``time``, ``v-sweep``, ``temp-sweep``, ...)."""
    return name == "time" or name.endswith("-sweep")


def choose(vectors: Mapping[str, np.ndarray], deck: Deck, log: str = "") -> dict[str, np.ndarray]:
    """Return the sweep vector and what the deck saves, keyed as the deck writes it; refuse half an answer.

    Without ``save`` every vector comes, sorted by name behind the sweep vector.

    Parameters
    ----------
    vectors : mapping of str to ndarray
        All vectors of one analysis under their canonical names, each of shape (points,).
    deck : Deck
        Its ``save`` chooses, its ``stop`` tells where a transient must end.
    log : str
        Messages of the simulator, carried by the error.

    Raises
    ------
    SpiceFault
        If a vector is missing, empty, shorter than the others or not finite, or the transient ended early.

    Examples
    --------
    >>> deck = Deck(text="R1 a 0 1k", save=("V(a)",))
    >>> choose({"v(a)": np.array([0.5]), "i(v1)": np.array([0.0])}, deck)
    {'V(a)': array([0.5])}
    """
    keys = {name: name for name in vectors if is_sweep(name)}
    keys |= (
        {name: canonical(name) for name in deck.save}
        if deck.save
        else {name: name for name in sorted(vectors)}
    )
    if missing := [name for name, key in keys.items() if key not in vectors]:
        raise SpiceFault(
            f"no vector {', '.join(map(repr, missing))} in the result, which has "
            f"{', '.join(sorted(vectors)) or 'none'}",
            log=log,
        )
    chosen = {name: vectors[key] for name, key in keys.items()}
    lengths = {len(values) for values in chosen.values()}
    if not lengths or lengths == {0}:
        raise SpiceFault("the analysis gave no points", log=log)
    if len(lengths) > 1:
        raise SpiceFault(f"vectors of unequal length {sorted(lengths)}", log=log)
    if bad := [name for name, values in chosen.items() if not np.isfinite(values).all()]:
        raise SpiceFault(f"values that are not finite in {', '.join(map(repr, bad))}", log=log)
    if deck.stop is not None:
        if "time" not in chosen:
            raise SpiceFault("a transient without a time vector", log=log)
        if (end := float(chosen["time"][-1])) < deck.stop * (1.0 - END_TOLERANCE):
            raise SpiceFault(f"the transient ended at {end!r} s instead of {float(deck.stop)!r} s", log=log)
    return chosen
