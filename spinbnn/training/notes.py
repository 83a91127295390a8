"""What the reader of a training result must know beside the numbers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..nn.dropout import ScaleDropout
from ..nn.dropout.modes import dropped_scale
from ..nn.masks import dropout_layers

FEW_BATCHES = 20
ALPHA_AT_ONE = 1e-2


def training_note(model: nn.Module, *, silent: bool, occurring: Sequence[tuple[bool, bool]]) -> str:
    """Return the sentences that belong to a trained model; "" if there is nothing to say.

    Parameters
    ----------
    model : nn.Module
        The trained network.
    silent : bool
        True if alpha was seen to get no gradient.
    occurring : sequence of (bool, bool)
        For each scale-dropout layer, whether its kept and its dropped branch can occur.

    Examples
    --------
    >>> from spinbnn.nn import ScaleDropout
    >>> layer = ScaleDropout(2)
    >>> _ = layer.batches.copy_(layer.batches.new_tensor([100, 3]))
    >>> training_note(nn.Sequential(layer), silent=False, occurring=[(True, True)])[:72]
    'Hardly trained branches (fewer than 20 mini-batches): layer 0 dropped (3'
    """
    return " ".join(part for part in (_scales(model, silent), _rare_branches(model, occurring)) if part)


def _scales(model: nn.Module, silent: bool) -> str:
    """Say what became of the scales."""
    layers = dropout_layers(model)
    published = [layer for layer in layers if layer.placement == "pre_bn"]
    if published:
        return _published(published, silent)
    if not silent:
        return ""
    trained = sorted({layer.placement for layer in layers if not layer.cancels_alpha})
    if trained:
        return (
            f"The scales alpha got no gradient, although placement {' and '.join(map(repr, trained))} does not cancel them: "
            "no gradient reached these layers, or they were (nearly) always dropped."
        )
    return (
        "The scales alpha got no gradient, as expected with placement 'dual_bn': each branch's BatchNorm cancels its scale, "
        "and the branches differ by their own statistics and affine parameters."
    )


def _published(layers: Sequence[ScaleDropout], silent: bool) -> str:
    """Say what the published order makes of the scales, and whether the masks differ at all."""
    moved = max(float((layer.alpha.detach() - 1.0).abs().max()) for layer in layers)
    gradient = (
        "alpha gets no gradient" if silent else "alpha gets no gradient but what 'alpha_gradient' shows"
    )
    text = (
        "Placement 'pre_bn' (scale, then per-channel BatchNorm, as published): the normalisation cancels the "
        f"scales alpha while training, and {gradient} (max |alpha - 1| = {moved:.3g}). The diversity of the masks "
        "comes only from the initialisation of alpha, through running statistics that mix kept and dropped "
        "mini-batches."
    )
    if any(layer.mode == "random" for layer in layers):
        return text
    apart = max(
        float((layer.alpha - dropped_scale(layer.mode, layer.alpha)).detach().abs().max()) for layer in layers
    )
    if apart < ALPHA_AT_ONE:
        what = (
            "|alpha - 1|"
            if all(layer.mode == "unitary" for layer in layers)
            else "|alpha - its dropped value|"
        )
        text += (
            f" As max {what} is below {ALPHA_AT_ONE:g}, to within that deviation all masks give the same "
            "answer; mutual information is 0. Use alpha_init='normal' or placement 'dual_bn'."
        )
    return text


def _rare_branches(model: nn.Module, occurring: Sequence[tuple[bool, bool]]) -> str:
    """Name the branches with statistics of their own that saw few mini-batches."""
    names = {module: name for name, module in model.named_modules()}
    found = [
        f"layer {names[layer]} {word} ({seen})"
        for layer, possible in zip(dropout_layers(model), occurring, strict=True)
        if len(layer.batches) == 2
        for word, seen, can in zip(("kept", "dropped"), layer.batches.tolist(), possible, strict=True)
        if can and seen < FEW_BATCHES
    ]
    if not found:
        return ""
    return (
        f"Hardly trained branches (fewer than {FEW_BATCHES} mini-batches): {', '.join(found)}. Their running statistics "
        "and thresholds still depend on where they started; train longer or with a larger drop probability."
    )
