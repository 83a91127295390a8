"""Measures of a probabilistic classifier; mixtures carry weights, every function computes in float64."""

from __future__ import annotations

from .calibration import ReliabilityBins, adaptive_ece, classwise_ece, ece, mce, reliability_bins
from .checks import ROW_SUM, TINY, check_distributions
from .detection import aupr, auroc, fpr_at_tpr
from .intervals import normal_interval, percentile_interval, percentiles, weighted_percentile
from .repeats import MeanInterval, mean_interval, paired_difference
from .rule import OodRule
from .scores import accuracy, brier, nll
from .selective import RiskCoverage, aurc, e_aurc, risk_coverage
from .summary import evaluate, evaluate_fully
from .uncertainty import (
    entropy,
    expected_entropy,
    mutual_information,
    predictive_entropy,
    predictive_mean,
    predictive_variance,
    variation_ratio,
)

__all__ = [
    "ROW_SUM",
    "TINY",
    "MeanInterval",
    "OodRule",
    "ReliabilityBins",
    "RiskCoverage",
    "accuracy",
    "adaptive_ece",
    "aupr",
    "aurc",
    "auroc",
    "brier",
    "check_distributions",
    "classwise_ece",
    "e_aurc",
    "ece",
    "entropy",
    "evaluate",
    "evaluate_fully",
    "expected_entropy",
    "fpr_at_tpr",
    "mce",
    "mean_interval",
    "mutual_information",
    "nll",
    "normal_interval",
    "paired_difference",
    "percentile_interval",
    "percentiles",
    "predictive_entropy",
    "predictive_mean",
    "predictive_variance",
    "reliability_bins",
    "risk_coverage",
    "variation_ratio",
    "weighted_percentile",
]
