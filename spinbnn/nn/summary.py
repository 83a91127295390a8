"""Layers, parameters and operations of a network, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..tables import Column, Table
from .dataflow import image_shape, observe


def summary(model: nn.Module, input_shape: Sequence[int] | None = None) -> Table:
    """Return the layers of a network with their weights and multiply-accumulates, one row each and a total.

    Unlike :func:`~spinbnn.nn.describe.describe` it needs no plan: networks whose masks hold a bit for each channel,
    grouped convolutions and layers on several vectors are listed as well.

    Parameters
    ----------
    model : nn.Module
        Any network of ``Conv2d`` and ``Linear`` layers.
    input_shape : sequence of int or None
        ``(C, H, W)`` of one image; None: ``model.input_shape`` [].

    Returns
    -------
    Table
        For each layer: what it takes, its output, weights (1 bit or 32), multiply-accumulates of one image and pass
        (with signs or with real numbers), mask bits and DROP probability. ``other`` holds all parameters that are no
        weights of a layer: scales, normalisations, biases.

    Raises
    ------
    ParameterError
        If the model cannot be followed, see :func:`~spinbnn.nn.dataflow.observe`.

    Examples
    --------
    >>> from spinbnn.nn.models import lenet5
    >>> table = summary(lenet5())
    >>> table.rows[1][:5], table.rows[-1][3], table.rows[-1][5]
    (['conv2', 'conv1', '16 x 8 x 8', 2400, 1], 45370, 281640)
    """
    flow = observe(model, image_shape(model, input_shape, "summary"))
    rows: list[list[str | int | float | bool | None]] = []
    macs = {True: 0, False: 0}
    for layer in flow.layers:
        macs[layer.binary] += layer.macs
        drop = layer.dropout
        rows.append(
            [
                layer.name,
                layer.takes.owner,
                " x ".join(str(n) for n in layer.output_shape[1:]),
                layer.weights,
                1 if layer.binary else 32,
                layer.macs if layer.binary else 0,
                0 if layer.binary else layer.macs,
                0 if drop is None else drop.bits,
                "" if drop is None else f"{drop.p:g}",
            ]
        )
    weights = sum(layer.weights for layer in flow.layers)
    total = sum(parameter.numel() for parameter in model.parameters())
    bits = sum(layer.dropout.bits for layer in flow.layers if layer.dropout is not None)
    rows.append(["other", "", "", total - weights, 32, 0, 0, 0, ""])
    rows.append(["total", "", "", total, "", macs[True], macs[False], bits, ""])
    columns: list[Column | str] = ["layer", "takes", "output", "parameters", "bits", "binary MAC", "real MAC"]
    return Table(
        f"Layers of {getattr(model, 'name', type(model).__name__)}",
        [*columns, "mask bits", "p"],
        rows,
        note="One image and one pass. 'other': scales, normalisations and biases. p: DROP probability.",
    )
