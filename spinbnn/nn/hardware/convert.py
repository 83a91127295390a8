"""``to_hardware``: a trained network on the arrays and modules of one chip."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ...crossbar.adc import Clipping
from ...crossbar.tiling import cells_of_array
from ...errors import ParameterError, ProfileError, suggest
from ..finite import check_finite
from ..layers import BinaryConv2d, BinaryLinear
from ..masks import drop_probabilities, mask_bits, set_drop_probabilities
from .ideal import HardwareConv2d, HardwareLinear
from .linear_response import LinearResponseLayer
from .placed import PlacedLayer
from .solved import SolvedLayer

if TYPE_CHECKING:
    from ...hardware import Chip, HardwareProfile

FIDELITIES = ("ideal", "table", "exact")


class FidelityWarning(UserWarning):
    """``table`` is used where its agreement with ``exact`` is bad, or where nobody measured it."""


def to_hardware(model: nn.Module, profile: HardwareProfile, chip: Chip, fidelity: str = "ideal") -> Any:
    """Return a copy of ``model`` whose binary layers compute on the profile's arrays and whose masks are the chip's.

    - ``ideal``: every tile's popcount is exact; the logits equal the software model's bit for bit.
    - ``exact``: every array is solved with its wires and this chip's devices, then calibrated and converted. With
      ``profile.arrays.rows == "driven"`` the arrays are linear, and a read costs a matrix product; gated rows are solved
      input by input.
    - ``table``: this chip's devices with the mean attenuation of the wires, calibrated and converted likewise.

    Digital layers, pooling and normalisation stay as they are. The copy is in eval mode, without gradients, carries
    ``.chip`` and ``.profile_id``, and has the chip's drop probabilities. Conductances, wires and converters are drawn once from
    ``chip.seed``, the name of the layer and the number of the array: they are the same for every image.

    Parameters
    ----------
    model : nn.Module
        The trained network, with L scale-dropout layers; it is not changed.
    profile : HardwareProfile
        Its ``array`` gives rows and columns of one array, its ``array_rows`` their unit and its ``strategy`` how convolutions lie on
        them (bit cells and 1 unless it says so); its ``arrays`` the electrical side.
    chip : Chip
        One sampled chip, ``drop_probability`` of shape ``(L,)``.
    fidelity : {"ideal", "table", "exact"}
        How the arrays are computed.

    Raises
    ------
    ParameterError
        On an unknown fidelity.
    ProfileError
        If the profile lacks what the fidelity needs, the chip is made for another number of layers, or ``table`` or ``exact`` is asked
        for at another temperature than 300 K, which array files know alone; on a network with a mask bit for each channel.
    DataError
        On weights that are not finite.

    Warns
    -----
    FidelityWarning
        For ``table``, where a tile lies outside what ``profile.agreements`` cover, or where they are bad.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from spinbnn.nn.models import lenet5
    >>> chip = SimpleNamespace(drop_probability=[0.2] * 5, id="demo")
    >>> twin = to_hardware(lenet5(), SimpleNamespace(array=(64, 64), id="demo"), chip)
    >>> twin.fc1.cells.arrays
    8
    """
    if fidelity not in FIDELITIES:
        raise ParameterError(
            "unknown fidelity",
            where="to_hardware, argument 'fidelity'",
            value=fidelity,
            remedy=suggest(str(fidelity), FIDELITIES),
        )
    setup = getattr(profile, "arrays", None)
    if fidelity != "ideal" and setup is None:
        raise ProfileError(
            f"fidelity {fidelity!r} needs the electrical behaviour of the arrays; the profile has none",
            where=f"profile {profile.id}, arrays",
            value=None,
            remedy="profile.with_arrays(CrossbarSetup(params=ArrayParams.load('array_mohm'))), or fidelity='ideal'",
        )
    if fidelity != "ideal":
        from ...hardware.profile_checks import check_array_temperature

        check_array_temperature(getattr(chip, "temperature", None), f"chip {chip.id}, temperature")
    count = len(drop_probabilities(model))
    if len(chip.drop_probability) != count:
        raise ProfileError(
            "the chip is made for another number of scale-dropout layers",
            where=f"chip {chip.id}",
            value=len(chip.drop_probability),
            remedy=f"build the profile with layers={count}",
        )
    if sum(mask_bits(model)) != count:
        raise ProfileError(
            "a chip has one dropout module for each layer, and this network has layers with a mask bit for each channel",
            where=f"to_hardware, {type(model).__name__}, mask bits of the layers",
            value=mask_bits(model),
            remedy="granularity='vector'",
        )
    check_finite(model, "to_hardware")
    twin = copy.deepcopy(model)
    for name, module in list(twin.named_modules()):
        if isinstance(module, BinaryConv2d | BinaryLinear):
            mapped = _mapped(module, name, profile, chip, fidelity)
            if not name:
                twin = mapped
            else:
                twin.set_submodule(name, mapped)
    if fidelity == "table":
        _warn(twin, profile)
    if count:
        set_drop_probabilities(twin, chip.drop_probability)
    twin.eval().requires_grad_(False)
    extras: Any = twin
    extras.chip, extras.profile_id = chip, profile.id
    return twin


def _mapped(layer: Any, name: str, profile: Any, chip: Any, fidelity: str) -> nn.Module:
    cells = cells_of_array(profile.array, getattr(profile, "array_rows", "cells"), f"profile {profile.id}")
    strategy = getattr(profile, "strategy", 1)
    if fidelity == "ideal":
        return HardwareConv2d(layer, cells, strategy=strategy) if isinstance(layer, BinaryConv2d) else HardwareLinear(layer, cells)
    place: dict[str, Any] = {"seed": chip.seed, "name": name, "strategy": strategy}
    if fidelity == "exact" and profile.arrays.rows == "gated":
        return SolvedLayer(layer, profile.arrays, cells, **place)
    return LinearResponseLayer(layer, profile.arrays, cells, fidelity=fidelity, **place)


def _warn(twin: nn.Module, profile: Any) -> None:
    """Say where ``table`` is bad, or not measured."""
    known = tuple(getattr(profile, "agreements", ()))
    unknown: set[tuple[int, int]] = set()
    bad: set[str] = set()
    for layer in placed_layers(twin).values():
        for rows, columns in layer.tile_sizes:
            speaking = [a for a in known if a.covers(layer.setup, rows, columns)]
            if not speaking:
                unknown.add((rows, columns))
            elif not any(a.holds for a in speaking):
                bad.add(str(min(speaking, key=lambda a: a.rows * a.columns)))
    said = [*sorted(bad)]
    if unknown:
        rows, columns = max(unknown)
        said.append(
            f"the profile holds no agreement for tiles of {rows} x {columns}; "
            f"profile.measure_agreement({max(r for r, _ in unknown)}, {max(c for _, c in unknown)}) measures it"
        )
    if said:
        warnings.warn("; ".join(said), FidelityWarning, stacklevel=3)


def placed_layers(model: nn.Module) -> dict[str, PlacedLayer]:
    """Return the layers of a hardware model that lie on sampled arrays, by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, PlacedLayer)}


def clipping(model: nn.Module) -> dict[str, Clipping]:
    """Return the clipped conversions of each layer since the model was made, or :func:`reset_clipping`.

    Examples
    --------
    >>> clipping(nn.Linear(1, 1))
    {}
    """
    return {name: layer.clipping for name, layer in placed_layers(model).items()}


def reset_clipping(model: nn.Module) -> None:
    """Count clipped conversions from zero."""
    for layer in placed_layers(model).values():
        layer.reset_clipping()


def set_read_noise(model: nn.Module, generator: torch.Generator | None) -> None:
    """Give every layer the source of its read noise; numbers are drawn read by read, in the order of the calls."""
    for layer in placed_layers(model).values():
        layer.generator = generator
