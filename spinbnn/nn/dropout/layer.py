"""Scale dropout: random bits decide whether a layer's scales are kept or become one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from ...errors import ParameterError
from .modes import draw_scale, dropped_scale
from .options import check_numbers, check_options, resolve_alpha_init
from .placements import PLACEMENTS

ALPHA_SPREAD = 0.3


class ScaleDropout(_DropoutNd):
    r"""Learnable scale with dropout, and the batch normalisation that goes with it.

    With the mask bit ``d`` (1 = drop, probability ``p``), the integer accumulation ``z`` and
    ``alpha_hat = alpha if d == 0 else dropped``:

    - ``pre_bn`` (as published, Eq. 7-8): ``y = BN(z alpha_hat)``, one BatchNorm;
    - ``dual_bn``: ``y = BN_d(z alpha_hat)``, one set of statistics and affine parameters for the kept branch and one
      for the dropped branch;
    - ``gamma``: ``y = (z - mean) / sqrt(var + eps) * alpha_hat + bias``, alpha in the place of the gain;
    - ``prestat``: ``y = (z alpha_hat - mean) / sqrt(var + eps) * weight + bias``, statistics of the unscaled ``z``,

    where ``BN(v) = weight (v - mean) / sqrt(var + eps) + bias``, all per channel. While training, BatchNorm cancels a
    positive per-channel scale that stands before it: alpha gets (next to) no gradient with ``pre_bn`` and ``dual_bn``,
    and with ``pre_bn`` the two branches differ only in eval mode, through running statistics that mix both. There the
    diversity of ``pre_bn`` is what the initialisation of alpha puts in: with ``"ones"`` and mode ``"unitary"`` every mask
    gives the same answer. With ``gamma`` and ``prestat`` alpha trains.

    Where the bits come from: the mask context (:func:`~spinbnn.nn.masks.fixed_masks` or
    :func:`~spinbnn.nn.masks.sample_masks`), else in training mode the attribute ``generator``. Eval mode without
    a mask keeps all scales (the point network). Nothing uses global random state.

    Parameters
    ----------
    channels : int
        Channels C of the input.
    p : float
        DROP probability of each bit, in [0, 1).
    placement : str
        ``"dual_bn"``, ``"pre_bn"``, ``"gamma"`` or ``"prestat"``.
    mode : str
        What a dropped scale becomes: ``"unitary"``: 1; ``"average"``: the mean of the layer's alpha; ``"random"``: a
        number drawn from U(random_range) for each channel and pass, from the source of the bits. With ``"random"``
        a pass is no function of its bits: it can be sampled, not enumerated.
    granularity : str
        ``"vector"``: one bit for the whole layer; ``"element"``: an independent bit for each channel.
    spatial : bool
        True: input ``(B, C, H, W)``; False: input ``(B, C)``.
    eps, momentum : float
        Of the BatchNorm.
    alpha_init : str or None
        ``"ones"``; ``"normal"``: N(1, 0.3) as a standard deviation; ``"uniform"``: U(0, 1). None: ``"normal"`` for
        ``pre_bn``, ``"ones"`` for the others.
    random_range : (float, float)
        Of ``"random"``.
    generator : torch.Generator or None
        For the initial alpha; None: torch's default generator, as in torch.nn. ``"ones"`` draws nothing.

    Attributes
    ----------
    batches : Tensor
        Mini-batches that each set of statistics has seen, ``(sets,)``; with bits for each channel the fewest over the
        channels.

    Raises
    ------
    ParameterError
        On an unknown option, a refused combination, a wrong shape, or training without a source of masks.

    References
    ----------
    Ahmed et al., "Scale-Dropout", arXiv 2311.15816.

    Examples
    --------
    >>> layer = ScaleDropout(4, p=0.2).eval()
    >>> layer(torch.zeros(2, 4, 3, 3)).shape, layer.bits
    (torch.Size([2, 4, 3, 3]), 1)
    >>> ScaleDropout(4, granularity="element", placement="gamma", mode="average").bits
    4
    """

    alpha: nn.Parameter
    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor
    running_var: Tensor
    batches: Tensor
    channel_batches: Tensor | None

    def __init__(
        self,
        channels: int,
        p: float = 0.2,
        *,
        placement: str = "dual_bn",
        mode: str = "unitary",
        granularity: str = "vector",
        spatial: bool = True,
        eps: float = 1e-5,
        momentum: float = 0.1,
        alpha_init: str | None = None,
        random_range: tuple[float, float] = (0.0, 2.0),
        generator: torch.Generator | None = None,
    ) -> None:
        check_options(p, placement, mode, granularity, random_range)
        check_numbers(channels, eps, momentum)
        super().__init__(float(p))
        self.channels, self.placement, self.mode, self.spatial = channels, placement, mode, spatial
        self.granularity, self.random_range = granularity, (float(random_range[0]), float(random_range[1]))
        self.eps, self.momentum = eps, momentum
        self.alpha_init = resolve_alpha_init(placement, alpha_init)
        rule = PLACEMENTS[placement]
        self.alpha = nn.Parameter(torch.ones(channels))
        with torch.no_grad():
            if self.alpha_init == "normal":
                self.alpha.normal_(1.0, ALPHA_SPREAD, generator=generator)
            elif self.alpha_init == "uniform":
                self.alpha.uniform_(0.0, 1.0, generator=generator)
        self.register_parameter(
            "weight", nn.Parameter(torch.ones(rule.sets, channels)) if rule.gain else None
        )
        self.bias = nn.Parameter(torch.zeros(rule.sets, channels))
        self.register_buffer("running_mean", torch.zeros(rule.sets, channels))
        self.register_buffer("running_var", torch.ones(rule.sets, channels))
        self.register_buffer("batches", torch.zeros(rule.sets, dtype=torch.int64))
        each = rule.sets == 2 and granularity == "element"
        self.register_buffer("channel_batches", torch.zeros(2, channels, dtype=torch.int64) if each else None)
        self.generator: torch.Generator | None = None
        self.forced: int | Tensor | None = None
        self.sampler: torch.Generator | None = None

    @property
    def bits(self) -> int:
        """Mask bits of the layer: 1, or one a channel."""
        return self.channels if self.granularity == "element" else 1

    @property
    def cancels_alpha(self) -> bool:
        """Whether the normalisation cancels alpha while training, so that alpha gets no gradient."""
        return PLACEMENTS[self.placement].cancels

    def alpha_gradient(self) -> float:
        """Return ``|dL/dalpha| / |dL/dgain|`` of the last backward pass; with ``gamma``, ``|dL/dalpha| / |dL/dbias|``."""
        beside = self.weight if self.weight is not None else self.bias
        if self.alpha.grad is None or beside.grad is None:
            raise ParameterError(
                "the layer has no gradients",
                where="ScaleDropout.alpha_gradient",
                value=self.placement,
                remedy="call it after loss.backward()",
            )
        return float(self.alpha.grad.norm() / beside.grad.norm().clamp_min(1e-30))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled and normalised activations, shape of ``x``."""
        if x.ndim != (4 if self.spatial else 2) or x.shape[1] != self.channels:
            want = f"(B, {self.channels}, H, W)" if self.spatial else f"(B, {self.channels})"
            raise ParameterError(
                "the input has the wrong shape",
                where="ScaleDropout.forward",
                value=tuple(x.shape),
                remedy=f"shape {want}",
            )
        bit = self._bit(x.shape[0])
        return self._train_forward(x, bit) if self.training else self._eval_forward(x, bit)

    def spread(self, per_channel: Tensor) -> Tensor:
        """Shape ``(B or 1, C)`` for broadcasting over the input."""
        return per_channel[:, :, None, None] if self.spatial else per_channel

    def coefficients(self) -> tuple[Tensor, Tensor]:
        """Return ``(scale, shift)``, each ``(2, C)``: eval mode computes ``y = z * scale[d] + shift[d]``.

        With bits for each channel, ``d`` picks the row channel by channel.

        Raises
        ------
        ParameterError
            With mode ``"random"``, whose dropped scale is no constant.
        """
        if self.mode == "random":
            raise ParameterError(
                "a dropped scale that is drawn has no coefficients: a pass is no function of its mask bits",
                where="ScaleDropout.coefficients, mode",
                value=self.mode,
                remedy="sample such networks (predict: method='sampled'), or use mode 'unitary' or 'average'",
            )
        rule = PLACEMENTS[self.placement]
        kept = rule.fold(self, self.alpha, 0)
        dropped = rule.fold(self, dropped_scale(self.mode, self.alpha), -1)
        return torch.stack((kept[0], dropped[0])), torch.stack((kept[1], dropped[1]))

    def _source(self) -> torch.Generator | None:
        return self.sampler if self.sampler is not None else (self.generator if self.training else None)

    def _bit(self, batch: int) -> int | Tensor:
        """Return the mask bits of this forward pass.

        One bit a layer: an int for the batch, or ``(B,)``. One bit a channel: ``(1, C)`` for the batch, or ``(B, C)``.
        """
        if self.forced is not None:
            return self._forced(batch)
        source = self._source()
        if source is not None:
            shape = (1, self.channels) if self.granularity == "element" else ()
            drawn = torch.rand(shape, generator=source, device=source.device) < self.p
            return drawn.to(self.alpha.device, torch.int64) if shape else int(drawn.item())
        if self.training:
            raise ParameterError(
                "scale dropout in training mode needs a source of mask bits",
                where="ScaleDropout.forward",
                remedy="run inside fixed_masks(model, bits) or sample_masks(model, generator), "
                "or set layer.generator to a torch.Generator",
            )
        return 0

    def _forced(self, batch: int) -> int | Tensor:
        if not isinstance(self.forced, Tensor):
            assert self.forced is not None
            return self.forced
        if self.granularity == "element" and self.forced.shape == (self.channels,):
            return self.forced[None]
        shape = (batch, self.channels) if self.granularity == "element" else (batch,)
        if self.forced.shape != shape:
            raise ParameterError(
                "the masks per image do not fit the batch",
                where="fixed_masks, argument 'bits'",
                value=tuple(self.forced.shape),
                remedy=f"one bit for each of the {batch} images"
                + (f" and {self.channels} channels" if self.granularity == "element" else ""),
            )
        return self.forced

    def _drawn(self, bit: int | Tensor) -> Tensor | None:
        """Return the random scales of this pass, ``(1, C)`` or ``(B, C)``; drawn whether or not a bit uses them."""
        if self.mode != "random":
            return None
        source = self._source()
        rows = len(bit) if isinstance(bit, Tensor) else 1
        if source is not None:
            return draw_scale((rows, self.channels), self.random_range, source, self.alpha)
        if self.training or (bool(bit.any()) if isinstance(bit, Tensor) else bit):
            raise ParameterError(
                "mode 'random' needs a source of random scales beside the mask bits",
                where="ScaleDropout.forward",
                remedy="fixed_masks(model, bits, generator), or sample_masks(model, generator)",
            )
        return torch.ones_like(self.alpha)[None]  # all kept: nothing to draw

    def _train_forward(self, x: Tensor, bit: int | Tensor) -> Tensor:
        if x.numel() <= self.channels:
            raise ParameterError(
                "batch statistics need more than one value a channel",
                where="ScaleDropout.forward, training mode",
                value=tuple(x.shape),
                remedy="a mini-batch of at least 2 images",
            )
        branch: int | Tensor = 0
        if not isinstance(bit, Tensor):
            drop = x.new_full((1, 1), float(bit))
            branch = bit
        else:
            drop = bit.to(x.dtype) if bit.ndim == 2 else bit.to(x.dtype)[:, None]
            if bit.shape == (1, self.channels) and self.granularity == "element":
                branch = bit[0]
            elif self.placement == "dual_bn":
                raise ParameterError(
                    "dual_bn trains with one mask bit per mini-batch"
                    if self.bits == 1
                    else "dual_bn trains with one mask per mini-batch",
                    where="fixed_masks, argument 'bits'",
                    value=tuple(bit.shape),
                    remedy=f"bits of shape ({'M' if self.granularity == 'element' else 'L'},), "
                    "or another placement, e.g. 'prestat'",
                )
        # alpha stays in the graph when dropped, with gradient 0
        scale = self.alpha * (1.0 - drop) + dropped_scale(self.mode, self.alpha, self._drawn(bit)) * drop
        self._count(branch)
        return PLACEMENTS[self.placement].train(self, x, scale, branch)

    def _count(self, branch: int | Tensor) -> None:
        """Count the mini-batch in the set or sets that it uses."""
        if self.channel_batches is not None:
            self.channel_batches[branch, torch.arange(self.channels, device=self.batches.device)] += 1
            self.batches.copy_(self.channel_batches.amin(dim=1))
        else:
            self.batches[branch if len(self.batches) == 2 else 0] += 1

    def _eval_forward(self, x: Tensor, bit: int | Tensor) -> Tensor:
        if self.mode == "random":
            scale, shift = self._random_coefficients(bit)
        else:
            both = self.coefficients()
            rows: tuple[slice | Tensor, ...]
            if not isinstance(bit, Tensor):
                rows = (slice(bit, bit + 1),)
            elif self.granularity == "element":
                rows = (bit, torch.arange(self.channels, device=bit.device))
            else:
                rows = (bit,)
            scale, shift = both[0][rows], both[1][rows]
        # two separately rounded operations: the result cannot depend on batch size or on the memory layout
        return (x * self.spread(scale)).add_(self.spread(shift))

    def _random_coefficients(self, bit: int | Tensor) -> tuple[Tensor, Tensor]:
        """Return scale and shift ``(1 or B, C)`` with scales drawn for this pass."""
        drawn = self._drawn(bit)
        assert drawn is not None
        drop = torch.as_tensor(bit, device=self.alpha.device).bool()
        drop = drop if drop.ndim == 2 else drop.reshape(-1, 1)
        alpha = torch.where(drop, drawn, self.alpha[None])
        scale, shift = PLACEMENTS[self.placement].fold(self, alpha, 0)
        return scale, shift.expand_as(scale)

    def extra_repr(self) -> str:
        """Show the options in ``print(model)``."""
        extra = "".join(
            f", {key}={value!r}"
            for key, value, usual in (
                ("mode", self.mode, "unitary"),
                ("granularity", self.granularity, "vector"),
            )
            if value != usual
        )
        return (
            f"{self.channels}, p={self.p:g}, placement={self.placement!r}{extra}, spatial={self.spatial}, "
            f"alpha_init={self.alpha_init!r}"
        )
