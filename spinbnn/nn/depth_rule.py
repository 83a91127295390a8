"""Drop probabilities that depend on the size of a layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ParameterError

LAYER_RULE = "layer_rule"
"""What the networks and :func:`~spinbnn.nn.convert.binarize` take as ``p`` for :func:`layer_rule`."""

STAGES = (0.1, 0.2, 0.5)
BOUNDS = (16, 4)


def layer_rule(weights: Sequence[int]) -> list[float]:
    r"""Return a DROP probability for each layer from its number of weights.

    With :math:`n_l` weights in layer :math:`l` and :math:`n = \max_l n_l`,

    .. math:: p_l = 0.1 \text{ if } 16\, n_l \le n, \quad 0.2 \text{ if } 4\, n_l \le n, \quad 0.5 \text{ otherwise.}

    Parameters
    ----------
    weights : sequence of int
        Weights of each layer with scale dropout, in execution order [].

    Returns
    -------
    list of float
        One DROP probability a layer.

    Raises
    ------
    ParameterError
        If there is no layer, or one has no weight.

    Notes
    -----
    Scale-Dropout (arXiv 2311.15816, section III-D) uses 10 % or 20 % "on layers with a comparably smaller number of
    parameters" and "e.g. 50 %" on larger ones, and gives no threshold. The bounds, 1/16 and 1/4 of the largest layer,
    are ours: in networks that double their channels and halve their maps, a stage has 4 times the weights of the one
    before, so that ResNet-20's three stages get 0.1, 0.2 and 0.5. Two networks whose layers have the same ratios get
    the same probabilities.

    Examples
    --------
    >>> layer_rule([2304, 9216, 36864])
    [0.1, 0.2, 0.5]
    >>> layer_rule([150, 2400, 30720, 10080, 840])
    [0.1, 0.2, 0.5, 0.5, 0.1]
    """
    counts = [int(n) for n in weights]
    if not counts or min(counts) < 1:
        raise ParameterError(
            "the layer rule needs layers with weights",
            where="layer_rule, argument 'weights'",
            value=counts,
            remedy="one positive number of weights a layer",
        )
    largest = max(counts)
    few, some = BOUNDS
    return [
        STAGES[0] if few * n <= largest else STAGES[1] if some * n <= largest else STAGES[2] for n in counts
    ]


def resolve_p(p: float | Sequence[float] | str, weights: Sequence[int], where: str) -> list[float]:
    """Return one DROP probability a layer from one number, a list of them, or ``"layer_rule"``.

    Parameters
    ----------
    p : float, sequence of float or str
        As the networks take it.
    weights : sequence of int
        Weights of each layer with scale dropout [].
    where : str
        Name of the network for messages.

    Raises
    ------
    ParameterError
        On another word, on what is no number, or a wrong number of probabilities.

    Examples
    --------
    >>> resolve_p(0.2, [10, 20], "net"), resolve_p("layer_rule", [10, 200], "net")
    ([0.2, 0.2], [0.1, 0.5])
    """
    if isinstance(p, str):
        if p != LAYER_RULE:
            raise ParameterError(
                "unknown rule for the drop probabilities",
                where=f"{where}, argument 'p'",
                value=p,
                remedy=f"a number, a list of them, or {LAYER_RULE!r}",
            )
        return layer_rule(weights) if weights else []
    try:
        chosen = [float(p)] * len(weights) if np.ndim(p) == 0 else [float(value) for value in p]  # type: ignore[arg-type, union-attr]
    except (TypeError, ValueError):
        raise ParameterError(
            "drop probabilities are numbers",
            where=f"{where}, argument 'p'",
            value=p,
            remedy=f"a number, a list of {len(weights)}, or {LAYER_RULE!r}",
        ) from None
    if len(chosen) != len(weights):
        raise ParameterError(
            "wrong number of drop probabilities",
            where=f"{where}, argument 'p'",
            value=chosen,
            remedy=f"one number, or {len(weights)} of them",
        )
    return chosen
