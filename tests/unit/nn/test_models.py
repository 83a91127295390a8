from __future__ import annotations

import pytest
import torch
from stand_ins import StandInChip, StandInProfile

from spinbnn.crossbar.plans import plan
from spinbnn.errors import ParameterError
from spinbnn.nn import ScaleDropout, describe, drop_probabilities, dropout_layers, to_hardware
from spinbnn.nn.models import build, lenet5

ENDS = [(first, last) for first in ("binary", "bit_serial", "digital") for last in ("binary", "digital")]


@pytest.mark.parametrize("first, last", ENDS)
@pytest.mark.parametrize("logit_dropout", [True, False])
@pytest.mark.parametrize("placement", ["pre_bn", "dual_bn"])
def test_described_lenet5_is_the_plan_that_needs_no_torch(first, last, logit_dropout, placement):
    options = {"first": first, "last": last, "logit_dropout": logit_dropout, "placement": placement}
    model = lenet5(**options)
    assert describe(model) == plan("lenet5", **options)
    assert model.training


def test_the_two_placements_are_two_plans():
    assert describe(lenet5(placement="pre_bn")) != describe(lenet5(placement="dual_bn"))


def test_lenet5_pass_has_643_windows():
    assert sum(layer.windows for layer in describe(lenet5()).layers) == 643


@pytest.mark.parametrize("first, last", ENDS)
def test_binary_layers_see_only_signs_and_give_integers(first, last):
    model = lenet5(first=first, last=last).eval()
    seen = {}
    for name in ("conv1", "conv2", "fc1", "fc2", "fc3"):
        getattr(model, name).register_forward_hook(lambda module, x, y, name=name: seen.update({name: y}))
    model(torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)))
    digital = {name for name, kind in (("conv1", first), ("fc3", last)) if kind == "digital"}
    for name, z in seen.items():
        assert torch.equal(z, z.round()) == (name not in digital)
        if name not in digital:
            assert (
                z.abs().max()
                <= {
                    "conv1": 25 * (255 if first == "bit_serial" else 1),
                    "conv2": 150,
                    "fc1": 256,
                    "fc2": 120,
                    "fc3": 84,
                }[name]
            )


def test_seed_fixes_the_weights():
    same = [lenet5(seed=3).state_dict(), lenet5(seed=3).state_dict(), lenet5(seed=4).state_dict()]
    assert all(torch.equal(same[0][key], same[1][key]) for key in same[0])
    assert not torch.equal(same[0]["fc1.weight"], same[2]["fc1.weight"])


def test_initial_scales_follow_the_placement_and_leave_the_weights_alone():
    dual, ones = lenet5(seed=3), lenet5(seed=3, placement="pre_bn", alpha_init="ones")
    normal, other = lenet5(seed=3, placement="pre_bn"), lenet5(seed=4, placement="pre_bn")
    uniform = lenet5(seed=3, alpha_init="uniform")
    kinds = [model.options["alpha_init"] for model in (dual, ones, normal, uniform)]
    assert kinds == ["ones", "ones", "normal", "uniform"]
    for name in ("conv1", "conv2", "fc1", "fc2", "fc3"):
        weights = [getattr(model, name).weight for model in (dual, ones, normal, uniform)]
        assert all(torch.equal(weights[0], weight) for weight in weights[1:])
    for model in (dual, ones):
        assert all(bool((layer.alpha == 1).all()) for layer in dropout_layers(model))
    assert not torch.equal(normal.norm3.alpha, other.norm3.alpha)
    assert not torch.equal(normal.norm3.alpha[:84], normal.norm4.alpha)
    twin = build(normal.name, **normal.options)
    assert torch.equal(twin.norm2.alpha, normal.norm2.alpha)
    state = torch.get_rng_state()
    lenet5(placement="pre_bn")
    assert torch.equal(state, torch.get_rng_state())


def test_probabilities_per_layer():
    assert drop_probabilities(lenet5(p=[0.1, 0.1, 0.2, 0.2, 0.3])).tolist() == [0.1, 0.1, 0.2, 0.2, 0.3]
    assert drop_probabilities(lenet5(p=0.5, logit_dropout=False)).tolist() == [0.5] * 4
    with pytest.raises(ParameterError, match="wrong number"):
        lenet5(p=[0.1, 0.2])


def test_registry_rebuilds_and_suggests():
    model = lenet5(first="digital", placement="pre_bn", p=0.1, seed=2)
    twin = build(model.name, **model.options)
    assert torch.equal(model.fc2.weight, twin.fc2.weight)
    assert twin.options == model.options
    with pytest.raises(ParameterError, match="unknown network") as caught:
        build("lenet6")
    assert "did you mean 'lenet5'" in caught.value.remedy
    with pytest.raises(ParameterError, match="no option") as caught:
        build("lenet5", frist="binary")
    assert "did you mean 'first'" in caught.value.remedy


@pytest.mark.parametrize(
    "options", [{"first": "analog"}, {"last": "bit_serial"}, {"placement": "none"}, {"alpha_init": "zero"}]
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ParameterError):
        lenet5(**options)


def test_wrong_image_shape_is_refused():
    with pytest.raises(ParameterError, match="wrong shape"):
        lenet5().eval()(torch.zeros(1, 28, 28))


def test_describe_refuses_what_it_would_get_wrong():
    class Swapped(torch.nn.Module):
        input_shape = (4, 1, 1)

        def __init__(self, twice=False):
            super().__init__()
            self.twice = twice
            self.a, self.b = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
            self.n1, self.n2 = ScaleDropout(4, spatial=False), ScaleDropout(4, spatial=False)

        def forward(self, x):
            x = x.flatten(1)
            return self.n2(self.a(self.n1(self.a(x)))) if self.twice else self.n1(self.b(self.n2(self.a(x))))

    with pytest.raises(ParameterError, match="another order"):
        describe(Swapped())
    with pytest.raises(ParameterError, match="twice"):
        describe(Swapped(twice=True))
    with pytest.raises(ParameterError, match="shape of one image"):
        describe(torch.nn.Linear(2, 2))
    with pytest.raises(ParameterError, match="shape of one image"):
        describe(torch.nn.Linear(2, 2), (2,))
    twice = torch.nn.Sequential(
        torch.nn.Linear(4, 4), ScaleDropout(4, spatial=False), ScaleDropout(4, spatial=False)
    )
    with pytest.raises(ParameterError, match="second scale dropout"):
        describe(torch.nn.Sequential(torch.nn.Flatten(), twice), (4, 1, 1))
    with pytest.raises(ParameterError, match="mapped onto a chip"):
        describe(to_hardware(lenet5(first="digital"), StandInProfile(), StandInChip([0.2] * 5)))
    with pytest.raises(ParameterError, match="grouped"):
        describe(torch.nn.Conv2d(2, 2, 1, groups=2), (2, 1, 1))
