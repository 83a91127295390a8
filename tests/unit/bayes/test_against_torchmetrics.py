"""Calibration errors and average precision against torchmetrics, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spinbnn.bayes.metrics import auroc, ece, fpr_at_tpr, mce

tm = pytest.importorskip("torchmetrics.functional.classification", reason="torchmetrics is not installed")

SINGLE = 1e-5
"""torchmetrics bins in float32."""


@pytest.fixture(scope="module")
def case():
    draw = np.random.default_rng(0)
    return torch.from_numpy(draw.dirichlet(np.full(5, 0.4), size=400)), torch.from_numpy(
        draw.integers(0, 5, 400)
    )


@pytest.mark.parametrize("bins", [5, 15])
def test_calibration_errors(case, bins):
    for measure, norm in ((ece, "l1"), (mce, "max")):
        expected = tm.multiclass_calibration_error(*case, num_classes=5, n_bins=bins, norm=norm).item()
        assert measure(*case, bins=bins) == pytest.approx(expected, abs=SINGLE)


def test_detection():
    draw = np.random.default_rng(1)
    inside, outside = draw.random(300), draw.random(200) ** 0.5
    score = torch.from_numpy(np.r_[inside, outside])
    label = torch.from_numpy(np.r_[np.zeros(300), np.ones(200)]).long()
    assert auroc(inside, outside) == pytest.approx(tm.binary_auroc(score, label).item(), abs=SINGLE)
    false, true, _ = tm.binary_roc(score, label)
    first = int(torch.nonzero(true >= 0.95 - 1e-7)[0])
    assert fpr_at_tpr(inside, outside) == pytest.approx(false[first].item(), abs=SINGLE)
