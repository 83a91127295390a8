"""Which operations give a row the same bits whatever rows stand beside it; all others run in the blocks of the plain loop."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..nn import (
    BinaryConv2d,
    BinaryLinear,
    HardwareConv2d,
    HardwareLinear,
    ImageEncoder,
    ScaleDropout,
    binary_sign,
)
from ..nn.hardware.placed import PlacedLayer

MODULES: tuple[type[nn.Module], ...] = (
    nn.Identity, nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.LeakyReLU, nn.PReLU, nn.MaxPool1d, nn.MaxPool2d, nn.ZeroPad2d,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, ImageEncoder,
)  # fmt: skip
"""Modules of one rounding an element, or none (dropout in eval mode)."""

UNARY = {torch.relu, functional.relu, functional.relu6, functional.hardtanh, functional.leaky_relu, torch.clamp, torch.neg, torch.abs,
    operator.neg, operator.abs, torch.sign, binary_sign, functional.max_pool2d, functional.max_pool1d, torch.max_pool2d}  # fmt: skip
BINARY = {operator.add, operator.sub, operator.mul, torch.add, torch.sub, torch.mul}
METHODS = {"relu", "clamp", "neg", "abs", "sign", "contiguous", "add", "sub", "mul", "clamp_min", "clamp_max"}
FUNCTIONAL: dict[Any, Any] = {operator.iadd: operator.add, operator.isub: operator.sub, operator.imul: operator.mul}
"""The same operation without writing into its first argument."""
IN_PLACE = ("iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor", "imatmul", "ilshift", "irshift")
"""Functions of :mod:`operator` that write into their first argument if they can."""
INPLACE_METHODS = {"add_": "add", "sub_": "sub", "mul_": "mul", "relu_": "relu", "clamp_": "clamp"}
FRESH_MODULES: tuple[type[nn.Module], ...] = (
    ScaleDropout, PlacedLayer, HardwareConv2d, HardwareLinear, nn.modules.conv._ConvNd, nn.Linear, nn.modules.batchnorm._BatchNorm,
    nn.ReLU, nn.Hardtanh, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.MaxPool2d, nn.AvgPool2d,
)  # fmt: skip
"""Layers whose result is no view of their input, unlike nn.Identity, nn.Flatten and, in eval mode, nn.Dropout."""
FRESH_FUNCTIONS = BINARY | {operator.truediv, operator.neg, torch.div, torch.relu, functional.relu, functional.conv2d, functional.linear, functional.max_pool2d}
FRESH_METHODS = {"clone", "add", "sub", "mul", "div", "relu"}


def is_fresh(call: Callable[..., Any] | str | nn.Module) -> bool:
    """Whether the result of a step has memory of its own, so that writing into it changes nothing else.

    Examples
    --------
    >>> is_fresh(nn.Linear(1, 1)), is_fresh(nn.Identity()), is_fresh("clone"), is_fresh("view"), is_fresh(operator.iadd)
    (True, False, True, False, True)
    """
    if isinstance(call, nn.Module):
        return isinstance(call, FRESH_MODULES) and type(call).__module__.startswith(("torch.nn.", "spinbnn.nn."))
    if isinstance(call, str):
        return call in FRESH_METHODS or call in INPLACE_METHODS
    return call in FRESH_FUNCTIONS or call in FUNCTIONAL


def binary_layer_is_exact(layer: nn.Module, encoded: bool = False) -> bool:
    """Whether a layer sums signs, or the integers of an image: below 2^24, where float32 adds exactly in any order.

    Parameters
    ----------
    layer : nn.Module
        Any layer.
    encoded : bool
        Whether its input comes straight from an encoder of 1 or 8 bits.

    Examples
    --------
    >>> binary_layer_is_exact(BinaryLinear(3, 2)), binary_layer_is_exact(BinaryLinear(3, 2, binarize_input=False))
    (True, False)
    """
    signs = encoded or bool(getattr(layer, "binarize_input", False))
    if type(layer) in (HardwareConv2d, HardwareLinear):
        return signs
    if type(layer) not in (BinaryConv2d, BinaryLinear) or not signs or not ours(layer):
        return False
    weight: Tensor = layer.weight  # type: ignore[assignment]
    return 255 * weight[0].numel() < 2**24


def ours(layer: nn.Module) -> bool:
    """Whether the binariser of a layer is one of spinbnn's, whose signs are a function of the proxies alone."""
    return type(getattr(layer, "binarizer", None)).__module__.startswith("spinbnn.nn.binarizers")


def encodes(module: nn.Module | None) -> bool:
    """Whether a module turns images into signs or integers 0..255.

    Examples
    --------
    >>> encodes(ImageEncoder("bit_serial")), encodes(ImageEncoder("digital"))
    (True, False)
    """
    return isinstance(module, ImageEncoder) and module.kind != "digital"


def module_is_exact(module: nn.Module, encoded: bool = False) -> bool:
    """Whether a module may see the rows of many masks at once; ``encoded`` as in :func:`binary_layer_is_exact`.

    Examples
    --------
    >>> module_is_exact(nn.MaxPool2d(2)), module_is_exact(nn.AvgPool2d(2)), module_is_exact(nn.Flatten(0))
    (True, False, False)
    """
    if module._forward_hooks or module._forward_pre_hooks:
        return False
    if type(module) is nn.Flatten:
        return module.start_dim >= 1
    if type(module) in (nn.MaxPool1d, nn.MaxPool2d) and module.return_indices:
        return False
    return type(module) in MODULES or binary_layer_is_exact(module, encoded)


def operation_is_exact(
    call: Callable[..., Any] | str, args: tuple[Any, ...], kwargs: dict[str, Any], rows: list[Tensor], constants: list[Any]
) -> bool:
    """Whether a function or method may see the rows of many masks at once.

    Parameters
    ----------
    call : callable or str
        The function, or the name of the method.
    args, kwargs
        As traced, without the tensors' values.
    rows : list of Tensor
        The arguments that carry rows.
    constants : list
        The other values that the trace computes: parameters, sizes.
    """
    if not rows or any(not isinstance(value, Tensor) for value in constants):
        return False  # a size may be the number of images
    wide = rows[0].ndim
    fits = all(r.ndim == wide for r in rows) and all(c.ndim < wide or c.shape[0] == 1 for c in constants)
    if call in (torch.flatten, "flatten"):
        return len(rows) == 1 and (args[1] if len(args) > 1 else kwargs.get("start_dim", 0)) >= 1
    if call is operator.getitem:
        return isinstance(args[1], tuple) and args[1][:1] == (slice(None),) and not _tensors_in(args[1])
    if call is functional.pad:
        padding = args[1] if len(args) > 1 else kwargs["pad"]
        mode = args[2] if len(args) > 2 else kwargs.get("mode", "constant")
        return mode == "constant" and len(padding) <= 2 * (wide - 1)
    if call in (torch.cat, torch.concat):
        return fits and not constants and (args[1] if len(args) > 1 else kwargs.get("dim", 0)) >= 1
    if call in BINARY or call in ("add", "sub", "mul"):
        return fits and not kwargs
    if kwargs.get("inplace") or kwargs.get("return_indices") or len(rows) > 1 or constants:
        return False
    return call in (METHODS if isinstance(call, str) else UNARY)


def _tensors_in(index: tuple[Any, ...]) -> bool:
    return not all(item is None or item is Ellipsis or isinstance(item, int | slice) for item in index)
