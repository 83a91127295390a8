"""The gradient of each binariser against its formula written out, at single points and through the normalisation."""

from __future__ import annotations

import math

import pytest
import torch
from tolerances import ROUNDING_FLOAT64

from spinbnn.errors import ParameterError
from spinbnn.nn import ScaleDropout, fixed_masks, make_binarizer, normalize_weight

POINTS = [-3.0, -1.0, -0.999, -0.5, -0.01, 0.0, 0.3, 0.999, 1.0, 1.2]


def input_gradient(rule, points=POINTS, upstream=None):
    x = torch.tensor([points], dtype=torch.float64, requires_grad=True)
    y = rule.input(x)
    (y if upstream is None else y * upstream).sum().backward()
    return x.grad[0].tolist()


def proxies(seed=1, shape=(3, 2, 3, 3), scale=1.5):
    draw = torch.Generator().manual_seed(seed)
    return scale * torch.randn(shape, generator=draw, dtype=torch.float64) + 0.3


def weight_gradients(rule, w, upstream):
    w = w.clone().requires_grad_()
    (rule.weight(w) * upstream).sum().backward()
    return w.grad


def through_normalisation(w, upstream):
    """Return the gradient with respect to the proxies of ``sum(W~ * upstream)``, from the formula of a standardisation."""
    flat, g = w.flatten(1), upstream.flatten(1)
    mean, deviation = flat.mean(1, keepdim=True), flat.std(1, correction=0, keepdim=True)
    normal = (flat - mean) / deviation
    inner = (g * normal).mean(1, keepdim=True)
    return ((g - g.mean(1, keepdim=True) - normal * inner) / deviation).view_as(w)


@pytest.fixture
def upstream():
    return torch.randn((3, 2, 3, 3), generator=torch.Generator().manual_seed(9), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(4, 3, 5, 5), (7, 30)])
def test_normalised_weights_have_mean_zero_and_variance_one_per_output_channel(shape):
    flat = normalize_weight(proxies(shape=shape)).flatten(1)
    assert flat.mean(1).abs().max() < ROUNDING_FLOAT64
    assert (flat.var(1, unbiased=False) - 1).abs().max() < 1e-9


def test_normalisation_divides_by_the_variance_not_by_the_printed_equation_14():
    weight = torch.tensor([[10.0, 11.0, 12.0, 13.0]], dtype=torch.float64)
    expected = (weight - 11.5) / math.sqrt(((weight - 11.5) ** 2).mean())
    assert torch.allclose(normalize_weight(weight), expected, rtol=1e-9)
    assert (weight**2 - (weight - 11.5) ** 2).mean() == pytest.approx(11.5**2)  # what Eq. 14 prints: mu^2


def test_libra_passes_gradient_through_the_normalisation(upstream):
    w = proxies()
    assert torch.allclose(
        weight_gradients(make_binarizer("libra"), w, upstream), through_normalisation(w, upstream)
    )
    clipped = make_binarizer("libra", weight_clip=0.7)
    within = upstream * (normalize_weight(w).abs() <= 0.7)
    assert 0 < (within == 0).sum() < within.numel()
    assert torch.allclose(weight_gradients(clipped, w, upstream), through_normalisation(w, within))
    assert input_gradient(make_binarizer("libra")) == [float(abs(x) <= 1) for x in POINTS]


def test_bnn_passes_gradient_within_one(upstream):
    w = proxies()
    assert torch.equal(weight_gradients(make_binarizer("bnn"), w, upstream), upstream * (w.abs() <= 1))
    assert input_gradient(make_binarizer("bnn")) == [float(abs(x) <= 1) for x in POINTS]


@pytest.mark.parametrize("progress, t", [(0.0, 0.1), (0.25, 0.1 * 10**0.5), (0.5, 1.0), (1.0, 10.0)])
def test_irnet_has_the_gradient_of_a_tanh_that_sharpens(progress, t, upstream):
    rule = make_binarizer("irnet")
    rule.anneal(progress)
    k = max(1 / t, 1)
    assert rule.t == pytest.approx(t, rel=1e-12)
    assert input_gradient(rule) == pytest.approx(
        [k * t * (1 - math.tanh(t * x) ** 2) for x in POINTS], rel=1e-9
    )
    w = proxies()
    slope = k * t / torch.cosh(t * normalize_weight(w)) ** 2
    found = weight_gradients(rule, w, upstream)
    assert torch.allclose(found, through_normalisation(w, upstream * slope), rtol=1e-9)


def test_irnet_starts_as_its_first_progress_and_takes_its_range():
    assert make_binarizer("irnet").t == 0.1
    rule = make_binarizer("irnet", t_min=1e-3, t_max=10.0)
    assert (rule.t, rule.k) == (1e-3, 1000.0)
    rule.anneal(0.5)
    assert rule.t == pytest.approx(0.1)
    assert rule.k == pytest.approx(10.0)


def test_bireal_has_the_gradient_of_a_quadratic_on_the_inputs():
    expected = [2 - 2 * abs(x) if abs(x) < 1 else 0.0 for x in POINTS]
    assert input_gradient(make_binarizer("bireal")) == pytest.approx(expected, rel=1e-12)
    assert input_gradient(make_binarizer("bireal"), upstream=-3.0) == pytest.approx(
        [-3 * v for v in expected]
    )
    steps = torch.linspace(
        -1.5, 1.5, 3001, dtype=torch.float64
    )  # the integral from -1 to 1 is that of the sign: 2
    x = steps.clone().requires_grad_()
    make_binarizer("bireal").input(x).sum().backward()
    assert torch.trapezoid(x.grad, steps).item() == pytest.approx(2.0, rel=1e-5)


def test_bireal_weights_pass_within_one_and_with_magnitude_times_the_mean_of_the_filter(upstream):
    w = proxies()
    plain = weight_gradients(make_binarizer("bireal"), w, upstream)
    assert torch.equal(plain, upstream * (w.abs() <= 1))
    scaled = weight_gradients(make_binarizer("bireal", magnitude=True), w, upstream)
    for channel in range(3):
        assert torch.allclose(scaled[channel], plain[channel] * w[channel].abs().mean())


def test_behind_a_normalisation_the_magnitude_of_the_source_cancels():
    """Forward mean|W| sign(W), backward dL/dB mean|W| as the source has it, is the gradient of the pure signs."""
    draw = torch.Generator().manual_seed(4)
    x = torch.randint(0, 2, (40, 30), generator=draw).double() * 2 - 1
    target = torch.randn((40, 5), generator=draw, dtype=torch.float64)
    start = 0.3 * torch.randn((5, 30), generator=draw, dtype=torch.float64)
    magnitude = start.abs().mean(1, keepdim=True)

    def gradient(factor):
        w = start.clone().requires_grad_()
        binary = make_binarizer("bireal").weight(w) * factor
        norm = ScaleDropout(5, placement="prestat", spatial=False, eps=1e-12).double()
        with fixed_masks(norm, [0]):
            (norm(x @ binary.t()) - target).square().sum().backward()
        return w.grad

    assert gradient(1.0).abs().min() > 0
    assert torch.allclose(gradient(magnitude), gradient(1.0), rtol=1e-6)
    assert magnitude.max() < 0.5


@pytest.mark.parametrize("progress, tau", [(0.0, 0.85), (1.0, 0.99), (0.5, 0.85 + 0.14 * 0.3775406688)])
def test_recu_clamps_the_weights_at_the_quantile_of_a_laplace_distribution(progress, tau, upstream):
    rule = make_binarizer("recu")
    rule.anneal(progress)
    assert rule.tau == pytest.approx(tau, rel=1e-9)
    w = proxies()
    normal = normalize_weight(w)
    edge = -normal.abs().mean() * math.log(2 - 2 * tau)
    inside = normal.abs() <= edge
    if progress < 1:
        assert 0 < (~inside).sum() < inside.numel() / 2
    assert torch.allclose(weight_gradients(rule, w, upstream), through_normalisation(w, upstream * inside))
    # the same by the definition: clamp, then straight through
    v = w.clone().requires_grad_()
    (normalize_weight(v).clamp(-edge, edge) * upstream).sum().backward()
    assert torch.allclose(weight_gradients(rule, w, upstream), v.grad)


def test_the_quantile_of_recu_is_that_of_a_laplace_distribution():
    rule = make_binarizer("recu", tau_min=0.9)
    draw = torch.Generator().manual_seed(0)
    sizes = -3.0 * torch.log(torch.rand(200_000, generator=draw, dtype=torch.float64))
    sample = torch.where(torch.rand(200_000, generator=draw) < 0.5, -sizes, sizes)
    assert (sample < rule.quantile(3.0)).double().mean().item() == pytest.approx(
        0.9, abs=4 * (0.09 / 2e5) ** 0.5
    )


def test_recu_takes_the_gradient_at_the_standardised_input_while_training():
    rule, draw = make_binarizer("recu"), torch.Generator().manual_seed(3)
    x = 4.0 * torch.randn((2, 3, 4, 4), generator=draw, dtype=torch.float64) + 0.5
    upstream = torch.randn(x.shape, generator=draw, dtype=torch.float64)

    def gradient():
        v = x.clone().requires_grad_()
        (rule.input(v) * upstream).sum().backward()
        return v.grad

    found = gradient()
    for image in range(2):  # v = x / s, s^2 = var + 1e-5: dL/dx = h / s - (x - mean) sum(h x) / (n s^3)
        values = x[image].flatten()
        s = math.sqrt(values.var(correction=0) + 1e-5)
        h = upstream[image].flatten() * (2 - 2 * (values / s).abs()).clamp(min=0)
        expected = h / s - (values - values.mean()) * (h * values).sum() / (len(values) * s**3)
        assert torch.allclose(found[image].flatten(), expected, rtol=1e-9, atol=1e-12)
    rule.eval()
    assert torch.allclose(gradient(), upstream * (2 - 2 * x.abs()).clamp(min=0))


@pytest.mark.parametrize("name", ["libra", "bnn", "irnet", "bireal", "recu"])
def test_progress_outside_its_range_is_refused(name):
    for progress in (-0.1, 1.1, float("nan")):
        with pytest.raises(ParameterError, match="progress"):
            make_binarizer(name).anneal(progress)


@pytest.mark.parametrize(
    "name, options",
    [
        ("libra", {"weight_clip": 0.0}),
        ("irnet", {"t_min": 0.0}),
        ("irnet", {"t_min": 1.0, "t_max": 0.1}),
        ("recu", {"tau_min": 0.5}),
        ("recu", {"tau_max": 1.0}),
        ("recu", {"tau_min": 0.9, "tau_max": 0.86}),
    ],
)
def test_options_out_of_range_are_refused(name, options):
    with pytest.raises(ParameterError, match="out of range"):
        make_binarizer(name, **options)
