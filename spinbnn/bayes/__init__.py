"""Bayesian prediction: mixtures over masks, and the measures of their quality."""

from __future__ import annotations

from .metrics import (
    ReliabilityBins,
    accuracy,
    auroc,
    brier,
    ece,
    entropy,
    evaluate,
    expected_entropy,
    mutual_information,
    nll,
    predictive_entropy,
    reliability_bins,
)
from .predict import draw_masks, predict, product_weights
from .prediction import Prediction

__all__ = [
    "Prediction",
    "ReliabilityBins",
    "accuracy",
    "auroc",
    "brier",
    "draw_masks",
    "ece",
    "entropy",
    "evaluate",
    "expected_entropy",
    "mutual_information",
    "nll",
    "predict",
    "predictive_entropy",
    "product_weights",
    "reliability_bins",
]
