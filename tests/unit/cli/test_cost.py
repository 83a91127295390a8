"""``spinbnn cost``: placement, and which sums are whole."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from spinbnn.cli.cost import command


def cost(*arguments):
    done = CliRunner().invoke(command, ["lenet5", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_published_placement_is_the_default_and_whole():
    data = json.loads(cost("--accounting", "block", "--format", "json"))
    assert data["energy"] == pytest.approx(35.9964e-9, rel=1e-9, abs=0)
    assert (data["placement"], data["unknown"]["energy"]) == ("pre_bn", [])
    assert data["complete"] == {"energy": True, "latency": False, "area": False}


def test_two_normalisations_cost_at_least_as_much():
    data = json.loads(cost("--placement", "dual_bn", "--format", "json"))
    assert data["energy"] == pytest.approx(178.4968e-9, rel=1e-9, abs=0)
    assert (data["placement"], data["unknown"]["energy"]) == ("dual_bn", ["threshold"])
    assert not data["complete"]["energy"]


def test_the_placement_is_printed():
    for placement in ("pre_bn", "dual_bn"):
        text = cost("--placement", placement, "--format", "csv")
        assert ("at least 178.497 nJ" in text) == (placement == "dual_bn")
        assert f"placement {placement}" in " ".join(cost("--placement", placement).split())


def test_a_profile_says_how_the_network_lies_on_the_arrays(tmp_path):
    from spinbnn.hardware import HardwareProfile

    plain = HardwareProfile.gaussian(0.2, sigma=0.03).with_mapping((128, 64), rows="devices", strategy=2)
    path = str(plain.save(tmp_path / "p.h5"))

    def mapped(*arguments):
        data = json.loads(cost("--format", "json", *arguments))
        return [data[key] for key in ("array", "rows", "strategy")]

    assert mapped() == [[256, 256], "cells", 1]
    assert mapped("--profile", path) == [[128, 64], "devices", 2]
    assert mapped("--profile", path, "--strategy", "1", "--array", "64x32") == [[64, 32], "devices", 1]
    assert mapped("--profile", path, "--rows", "cells") == [[128, 64], "cells", 2]
