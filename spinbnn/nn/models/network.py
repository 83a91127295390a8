"""What all networks share: their options, checked once, and the maker of their layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ...crossbar.plan import FIRST, LAST
from ...errors import ParameterError, suggest
from ...rng import integer_seed
from ..binarizers import BINARIZERS, Binarizer, make_binarizer
from ..depth_rule import resolve_p
from ..dropout import ScaleDropout, resolve_alpha_init
from ..layers import BinaryConv2d, BinaryLinear, DigitalConv2d, DigitalLinear, ImageEncoder

Probabilities = float | Sequence[float] | str
BinarizerOption = str | Mapping[str, Any] | Binarizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The options that every network has, as its function takes them; see :func:`~spinbnn.nn.models.lenet5`."""

    first: str
    last: str
    p: Probabilities
    placement: str
    mode: str
    granularity: str
    classes: int
    logit_dropout: bool
    alpha_init: str | None
    binarizer: BinarizerOption
    seed: int

    def check(self, name: str) -> None:
        """Refuse an unknown kind of first or last layer, and a number of classes below 1.

        Raises
        ------
        ParameterError
            With the nearest known word.
        """
        for key, value, known in (("first", self.first, FIRST), ("last", self.last, LAST)):
            if value not in known:
                raise ParameterError(
                    f"unknown kind of {key} layer",
                    where=f"{name}, argument {key!r}",
                    value=value,
                    remedy=" or ".join(known) if not isinstance(value, str) else suggest(value, known),
                )
        check_size(self.classes, "classes", name)


def check_size(value: Any, key: str, name: str, step: int = 1, least: int = 1) -> None:
    """Refuse what is no multiple of ``step``, ``least`` or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least or value % step:
        raise ParameterError(
            f"{key} is an integer of at least {least}" + (f", a multiple of {step}" if step > 1 else ""),
            where=f"{name}, argument {key!r}",
            value=value,
            remedy=f"e.g. {max(step, least)}",
        )


def binarizer_option(given: BinarizerOption) -> str | dict[str, Any]:
    """Return what makes a binariser again, as JSON can hold it: its name, or name and options.

    Parameters
    ----------
    given : str, mapping or Binarizer
        A name, ``{"name": ..., option: value}``, or an object.

    Raises
    ------
    ParameterError
        On an unknown name or option, or an object of a class that ``BINARIZERS`` does not hold under its name: the
        network could not be made again from its options.

    Examples
    --------
    >>> binarizer_option("bnn"), binarizer_option({"name": "irnet", "t_min": 0.001, "t_max": 10.0})
    ('bnn', {'name': 'irnet', 't_min': 0.001, 't_max': 10.0})
    """
    made = make_binarizer(given)
    if isinstance(given, str) or (isinstance(given, Mapping) and len(given) == 1):
        return made.name
    if BINARIZERS.get(made.name) is not type(made):
        raise ParameterError(
            "the network could not be made again with this binariser",
            where="argument 'binarizer'",
            value=type(made).__name__,
            remedy=f"give the class a name of its own and register it: "
            f"spinbnn.nn.BINARIZERS[{made.name or 'name'!r}] = {type(made).__name__}",
        )
    return {"name": made.name, **made.options} if made.options else made.name


class Network(nn.Module):
    """A network that :func:`~spinbnn.nn.models.build` makes again: ``build(model.name, **model.options)``.

    Attributes
    ----------
    name : str
        Of the function that builds it.
    options : dict
        Its keyword arguments with every choice made; JSON can hold them.
    input_shape : (int, int, int)
        ``(C, H, W)`` of one image in [0, 1].
    first, last : str
        Kinds of the first and the last layer.
    classes : int
        Number of logits.
    """

    name: str
    options: dict[str, Any]
    input_shape: tuple[int, int, int]
    first: str
    last: str
    classes: int
    encode: ImageEncoder


class Maker:
    """Makes the layers of one network in their order: a stream for the weights, one for each layer's scales.

    Parameters
    ----------
    network : Network
        Gets ``name``, ``options``, ``input_shape``, ``first``, ``last``, ``classes`` and the layer ``encode``.
    name : str
        Of the network; the seeds of all draws follow from it.
    choices : Choices
        The options that all networks have.
    shape : (int, int, int)
        Of one image.
    weights : sequence of int
        Weights of the layers that have scale dropout without ``logit_dropout``, in execution order [].
    last_weights : int
        Weights of the last layer [].
    own : mapping
        Further options of this network.
    """

    def __init__(
        self,
        network: Network,
        name: str,
        choices: Choices,
        shape: tuple[int, int, int],
        *,
        weights: Sequence[int],
        last_weights: int,
        own: Mapping[str, Any] | None = None,
    ) -> None:
        choices.check(name)
        self.name, self.choices = name, choices
        self.p = resolve_p(choices.p, [*weights, last_weights] if choices.logit_dropout else weights, name)
        self.alpha_init = resolve_alpha_init(choices.placement, choices.alpha_init)
        self.binarizer = binarizer_option(choices.binarizer)
        self.given = choices.binarizer if isinstance(choices.binarizer, Binarizer) else None
        self.made = 0
        network.name, network.input_shape = name, shape
        network.first, network.last, network.classes = choices.first, choices.last, choices.classes
        network.options = {
            "first": choices.first,
            "last": choices.last,
            "p": self.p,
            "placement": choices.placement,
            "mode": choices.mode,
            "granularity": choices.granularity,
            "classes": choices.classes,
            "logit_dropout": choices.logit_dropout,
            "alpha_init": self.alpha_init,
            "binarizer": self.binarizer,
            "seed": choices.seed,
            **(own or {}),
        }
        network.encode = ImageEncoder(choices.first, shape=shape, where=name)
        self.input_bits = network.encode.bits
        self.draw = torch.Generator().manual_seed(integer_seed(choices.seed, "init", name))

    def _rule(self) -> Binarizer:
        """Return the binariser of one layer: its own, or the one object that the user gave."""
        return make_binarizer(self.binarizer if self.given is None else self.given)

    def first_conv(self, before: int, width: int, kernel: int, padding: int = 0) -> nn.Module:
        """Return the layer that takes the image, of the kind ``first``."""
        if self.choices.first == "digital":
            return DigitalConv2d(before, width, kernel, padding=padding, generator=self.draw)
        return BinaryConv2d(
            before,
            width,
            kernel,
            padding=padding,
            binarize_input=False,
            input_bits=self.input_bits,
            binarizer=self._rule(),
            generator=self.draw,
        )

    def conv(self, before: int, width: int, kernel: int, stride: int = 1, padding: int = 0) -> nn.Module:
        """Return a binary convolution."""
        return BinaryConv2d(
            before, width, kernel, stride, padding, binarizer=self._rule(), generator=self.draw
        )

    def projection(self, before: int, width: int, stride: int) -> nn.Module:
        """Return the digital 1 x 1 convolution of a shortcut."""
        return DigitalConv2d(before, width, 1, stride, generator=self.draw)

    def linear(self, before: int, width: int) -> nn.Module:
        """Return a binary linear layer."""
        return BinaryLinear(before, width, binarizer=self._rule(), generator=self.draw)

    def last_linear(self, before: int, *, signs: bool = True) -> nn.Module:
        """Return the layer that gives the logits, of the kind ``last``; a digital one takes signs or real features."""
        classes = self.choices.classes
        if self.choices.last == "binary":
            return self.linear(before, classes)
        return DigitalLinear(
            before, classes, binarize_input=signs, binarizer=self._rule(), generator=self.draw
        )

    def norm(self, channels: int, *, spatial: bool = True) -> ScaleDropout:
        """Return the scale dropout of the next layer, with its own stream for alpha.

        The draws of the weights so do not depend on ``alpha_init``.
        """
        self.made += 1
        return ScaleDropout(
            channels,
            self.p[self.made - 1],
            placement=self.choices.placement,
            mode=self.choices.mode,
            granularity=self.choices.granularity,
            spatial=spatial,
            alpha_init=self.alpha_init,
            generator=torch.Generator().manual_seed(
                integer_seed(self.choices.seed, "alpha", self.name, self.made)
            ),
        )

    def logit_norm(self) -> nn.Module:
        """Return the normalisation of the logits, with scale dropout if ``logit_dropout``."""
        classes = self.choices.classes
        return self.norm(classes, spatial=False) if self.choices.logit_dropout else nn.BatchNorm1d(classes)
