"""One call of ``predict``: which masks, with which weights, and how they are computed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ParameterError
from ..nn import ScaleDropout
from ..nn.hardware.placed import PlacedLayer
from ..nn.masks import all_masks
from ..rng import integer_seed
from .checks import check_branches, checked_weights, why_random
from .mask_source import IndependentSource, MaskSource, as_source
from .mass import LISTED, MaskLaw, heaviest, likely_masks
from .network_graph import NotTraceable
from .plain_passes import device_of, run_passes
from .prediction import Prediction
from .prepared import Prepared, cost, prepare, walk_all
from .shared_prefixes import aligned

EXACT_LIMIT = 12
AUTO_LIMIT = 8


def product_weights(masks: Tensor, p: Tensor) -> Tensor:
    """Return ``prod_l p_l^d_l (1 - p_l)^(1 - d_l)`` for masks ``(S, L)``, float64, shape ``(S,)``.

    Examples
    --------
    >>> product_weights(all_masks(2), torch.tensor([0.5, 0.25])).tolist()
    [0.375, 0.125, 0.375, 0.125]
    """
    chance = p.to(torch.float64)
    return torch.where(masks.bool(), chance, 1.0 - chance).prod(dim=-1)


_all_masks = lru_cache(maxsize=4)(all_masks)


@dataclass(slots=True, eq=False)
class Task:
    """One call of :func:`~spinbnn.bayes.predict.predict`."""

    model: nn.Module
    modules: list[tuple[str, nn.Module]]
    x: Tensor
    widths: list[int]
    p: Tensor
    samples: int
    seed: int
    masks: str
    tolerance: float
    max_masks: int
    batch_size: int
    weights: Any
    source: MaskSource
    sampling: bool
    random: str
    ready: Prepared | None = None
    found: tuple[Tensor, Tensor, float] | None = None

    @classmethod
    def of(
        cls, model: nn.Module, x: Tensor, *, samples: int, seed: int, masks: str, tolerance: float, max_masks: int, batch_size: int, weights: Any, source: Any
    ) -> Task:
        """Return the task after looking at the model.

        Raises
        ------
        ParameterError
            If the model has no scale dropout, or the source of masks does not fit it.
        """
        modules = list(model.named_modules())
        layers = [module for _, module in modules if isinstance(module, ScaleDropout)]
        if not layers:
            raise ParameterError(
                "the model has no scale-dropout layer",
                where="predict, argument 'model'",
                value=0,
                remedy="put spinbnn.nn.ScaleDropout after its layers",
            )
        widths = [layer.bits for layer in layers]
        p = torch.tensor([layer.p for layer in layers for _ in range(layer.bits)], dtype=torch.float64)
        chip = getattr(model, "chip", None)
        given = source if source is not None else chip
        bits = as_source(given) if given is not None else IndependentSource(p.numpy())
        if len(bits.drop_probability) != len(p):
            raise ParameterError(
                "the masks of the source do not fit the network",
                where="predict, argument 'source'" if source is not None else "predict, the model's chip",
                value=len(bits.drop_probability),
                remedy=f"{len(p)} mask bits a pass, layer after layer",
            )
        return cls(
            model=model, modules=modules, x=x, widths=widths, p=p, samples=samples, seed=seed, masks=masks, tolerance=tolerance, max_masks=max_masks,
            batch_size=batch_size, weights=weights, source=bits, sampling=source is not None, random=why_random(modules),
        )  # fmt: skip

    @property
    def bits(self) -> int:
        """Mask bits M."""
        return len(self.p)

    def run(self, method: str) -> Prediction:
        """Return the prediction of a method; the network is in eval mode."""
        note = ""
        if self.random and (method in ("exact", "mass", "tree") or self.weights is not None):
            raise ParameterError(
                f"a pass of this network is not a function of its mask: {self.random}",
                where="predict, argument 'method'",
                value=method,
                remedy="method='sampled'" + ("" if self.weights is None else ", without weights"),
            )
        if method == "auto":
            method, note = self.choose()
        if method in ("sampled", "tree"):
            return self.draw(method, note)
        if method == "mass":
            chosen, share, covered = self.likely()
            return self.mixture("mass", chosen, share / share.sum(), covered, note)
        if self.bits > EXACT_LIMIT:
            raise ParameterError(
                f"2^{self.bits} masks are too many to enumerate",
                where="predict, argument 'method'",
                value=method,
                remedy=f"method='mass' with a tolerance, 'tree' or 'sampled'; exact is for up to {EXACT_LIMIT} mask bits",
            )
        chosen = _all_masks(self.bits).clone()
        return self.mixture("exact", chosen, self.all_weights(chosen), 1.0, note)

    def mixture(self, method: str, chosen: Tensor, share: Tensor, covered: float, note: str) -> Prediction:
        """Return the mixture over given masks."""
        check_branches(self.modules, (share[:, None] * chosen).sum(0), self.widths)
        probs, why = self.probabilities(chosen, keep="exact" if method == "exact" else "")
        return self.prediction(probs, share, chosen, method, None, covered, note or why)

    def draw(self, method: str, note: str) -> Prediction:
        """Return the mixture over sampled masks."""
        check_branches(self.modules, torch.from_numpy(self.source.drop_probability), self.widths)
        drawn = self.source.draw(self.samples, self.seed, len(self.x) if self.masks == "per_image" else None)
        share = torch.full((self.samples,), 1.0 / self.samples, dtype=torch.float64)
        if method == "sampled" and not self.batched():
            return self.prediction(self.loop(drawn), share, drawn, method, self.seed, 1.0, note)
        probs, why = self.probabilities(drawn, share=method == "tree")
        return self.prediction(probs, share, drawn, method, self.seed, 1.0, note or (why if method == "tree" else ""))

    def prediction(self, probs: Tensor, share: Tensor, drawn: Tensor, method: str, seed: int | None, covered: float, note: str) -> Prediction:
        """Return the prediction with what is known of it."""
        return Prediction(
            probs=probs, weights=share, masks=drawn, method=method, seed=seed, covered=covered, note=note,
            profile_id=getattr(self.model, "profile_id", None),
        )  # fmt: skip

    def prepared(self) -> Prepared:
        """Return the steps of the network, or why it has none."""
        if self.ready is None:
            images = self.x[: min(2, self.batch_size)].to(device_of(self.model))
            self.ready = prepare(self.model, self.modules, images, self.widths)
        return self.ready

    def batched(self) -> bool:
        """Whether sampled passes may run several at once; arrays that are solved gain nothing by it."""
        if self.random or any(isinstance(module, PlacedLayer) for _, module in self.modules):
            return False
        graph = self.prepared().graph
        return graph is not None and not graph.strided

    def probabilities(self, chosen: Tensor, *, share: bool = True, keep: str = "") -> tuple[Tensor, str]:
        """Return the class probabilities of every mask, and why they come from the plain loop if they do."""
        ready = self.prepared()
        why = ready.reason
        if ready.graph is not None:
            try:
                return walk_all(ready, self.x, chosen, self.widths, self.batch_size, share=share, keep=keep), ""
            except NotTraceable as error:
                why = str(error)
        return self.loop(chosen), f"pass by pass, as the network cannot be walked step by step: {why}"

    def loop(self, chosen: Tensor) -> Tensor:
        """Return the class probabilities of every mask by plain passes."""
        device, blocks = device_of(self.model), []
        drawn = any(isinstance(m, ScaleDropout) and m.mode == "random" for _, m in self.modules)
        # scales that are drawn anew for every image come from a stream of that image: no result depends on the batch
        step = 1 if drawn and chosen.ndim == 3 else self.batch_size
        for start in range(0, len(self.x), step):
            part = slice(start, start + step)
            names = ("random scales", start) if chosen.ndim == 3 else ("random scales",)
            generators = [torch.Generator().manual_seed(integer_seed(self.seed, *names, t)) for t in range(len(chosen))] if drawn else None
            own = chosen if chosen.ndim == 2 else chosen[:, part]
            blocks.append(run_passes(self.model, aligned(self.x[part].to(device)), own, generators))
        return torch.cat(blocks, dim=1)

    def law(self) -> MaskLaw | None:
        """Return the law of the masks of one pass, None if only its weights are known."""
        chip = getattr(self.model, "chip", None)
        if self.weights is not None:
            return None
        return MaskLaw.product(self.p) if chip is None else MaskLaw.of_chip(chip)

    def all_weights(self, chosen: Tensor) -> Tensor:
        """Return the weights of all masks."""
        chip = getattr(self.model, "chip", None)
        if self.weights is not None:
            return checked_weights(self.weights, len(chosen))
        if chip is not None:
            return checked_weights(chip.mask_weights(chosen.numpy()), len(chosen))
        return checked_weights(product_weights(chosen, self.p), len(chosen))

    def likely(self) -> tuple[Tensor, Tensor, float]:
        """Return the likely masks, their weights, and what they cover."""
        if self.found is None:
            self.found = self._likely()
        return self.found

    def _likely(self) -> tuple[Tensor, Tensor, float]:
        law = self.law()
        if law is not None:
            return likely_masks(law, self.tolerance, self.max_masks)
        if self.bits > LISTED:
            raise ParameterError(
                "the chip does not say how its bits hang together, and its masks are too many to list",
                where="predict, argument 'method'",
                value=self.bits,
                remedy="method='sampled' or 'tree', or a chip of spinbnn.hardware",
            )
        return heaviest(self.all_weights(all_masks(self.bits)), self.tolerance, self.max_masks)

    def choose(self) -> tuple[str, str]:
        """Return the cheapest method that meets the tolerance, and the reason."""
        if self.random:
            return "sampled", f"auto took sampled: {self.random}"
        graph = self.prepared().graph
        passes = "tree" if graph is not None else "sampled"
        walked = "" if graph is not None else f"; the network cannot be walked step by step: {self.prepared().reason}"
        if self.masks == "per_image" or self.sampling:
            asked = "masks per image" if self.masks == "per_image" else "a source of masks"
            return passes, f"auto took {passes}: {asked} ask for sampling{walked}"

        def price_of(chosen: Tensor) -> float:
            return cost(graph, chosen, self.widths) if graph is not None else float(len(chosen))

        # (cost in passes of the network, order of preference, method)
        offers: list[tuple[float, int, str]] = []
        if self.bits <= EXACT_LIMIT:
            offers.append((price_of(all_masks(self.bits)), 0, "exact"))
        elif self.weights is not None:  # no passes are drawn by given weights: mass, or its reason why not
            offers.append((price_of(self.likely()[0]), 1, "mass"))
        if self.tolerance > 0.0:
            with suppress(ParameterError):  # more masks than allowed: not on offer
                offers.append((price_of(self.likely()[0]), 1, "mass"))
        limit = price_of(self.source.draw(self.samples, self.seed))
        price, _, kind = min(offers, default=(float("inf"), 2, passes))
        if self.bits > AUTO_LIMIT and self.weights is None and price > limit:
            said = f"{kind} would cost {price:.3g}" if offers else f"no mixture of at most {self.max_masks} masks meets tolerance {self.tolerance:g}"
            return passes, f"auto took {passes}: {self.samples} passes cost as much as {limit:.3g}; {said}{walked}"
        return kind, f"auto took {kind}: it costs as much as {price:.3g} passes ({passes} with T = {self.samples}: {limit:.3g}){walked}"
