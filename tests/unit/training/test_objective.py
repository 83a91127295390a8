from __future__ import annotations

import pytest
import torch

from spinbnn.nn.models import lenet5
from spinbnn.training import objective, scale_penalty, weight_penalty


def test_objective_is_equation_17():
    model = lenet5(last="digital")
    with torch.no_grad():
        model.norm1.alpha.fill_(0.5)
        model.norm3.alpha.fill_(1.25)
    logits = torch.randn(6, 10, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6)
    squares = sum(
        (getattr(model, name).weight ** 2).sum() for name in ("conv1", "conv2", "fc1", "fc2", "fc3")
    )
    assert weight_penalty(model).item() == pytest.approx(squares.item(), rel=1e-6)
    assert scale_penalty(model).item() == pytest.approx(0.5**2 + 0.25**2)
    expected = torch.nn.functional.cross_entropy(logits, labels) + 0.01 * squares + 0.1 * 0.3125
    assert objective(model, logits, labels, weight_decay=0.01, scale_decay=0.1).item() == pytest.approx(
        expected.item(), rel=1e-6
    )


def test_defaults_are_those_of_the_paper():
    model, logits, labels = lenet5(), torch.zeros(2, 10), torch.tensor([0, 1])
    assert objective(model, logits, labels).item() == pytest.approx(
        objective(model, logits, labels, weight_decay=1e-5, scale_decay=1e-5).item()
    )


def test_scales_and_norms_have_no_weight_decay():
    model = lenet5()
    weight_penalty(model).backward()
    touched = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert touched == {f"{name}.weight" for name in ("conv1", "conv2", "fc1", "fc2", "fc3")}
