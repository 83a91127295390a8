"""What the layers share: initial weights from a generator of one's own, binary weights from real proxies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...errors import ParameterError
from ..binarizers import Binarizer, make_binarizer

INPUT_BITS = (1, 8)


class OwnInitialWeights:
    """Mixin in front of a torch layer: U(-1/sqrt(fan_in), 1/sqrt(fan_in)) from the given generator, drawn once."""

    weight: Tensor

    def reset_parameters(self) -> None:
        """Do nothing: the constructor fills the weights from its own generator."""

    def _draw(self, generator: torch.Generator | None) -> None:
        """Fill the weights; without a generator from torch's default one, as in torch.nn."""
        bound = 1.0 / math.sqrt(self.weight[0].numel())
        with torch.no_grad():
            self.weight.uniform_(-bound, bound, generator=generator)


class BinaryProxies(OwnInitialWeights):
    """Mixin of the binary layers: their options, the signs of their proxies and of their inputs."""

    binarizer: Binarizer
    binarize_input: bool
    input_bits: int

    def _set_up(
        self,
        binarize_input: bool,
        input_bits: int | None,
        binarizer: str | Mapping[str, Any] | Binarizer,
        generator: torch.Generator | None,
    ) -> None:
        self._draw(generator)
        self.binarize_input = binarize_input
        self.input_bits = 1 if input_bits is None else input_bits
        if self.input_bits not in INPUT_BITS:
            raise ParameterError(
                "unknown number of input bits",
                where=f"{type(self).__name__}, argument 'input_bits'",
                value=input_bits,
                remedy="1 (signs) or 8 (bit-serial image); real numbers are for digital layers",
            )
        if binarize_input and self.input_bits != 1:
            raise ParameterError(
                "the signs of the input have one bit",
                where=f"{type(self).__name__}, arguments 'binarize_input' and 'input_bits'",
                value=input_bits,
                remedy="binarize_input=False for an 8-bit image, or leave input_bits out",
            )
        self.binarizer = make_binarizer(binarizer)

    def binary_weight(self) -> Tensor:
        """Return the signs of the weights, shape of ``weight``, values in {-1, +1}."""
        return self.binarizer.weight(self.weight)

    def _binary_input(self, x: Tensor) -> Tensor:
        """Return the signs of the input, or the input as it is if it is not to be binarised."""
        return self.binarizer.input(x) if self.binarize_input else x
