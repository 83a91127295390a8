"""Figures of docs/shared_module.md: settling between the codes, correlation of consecutive layers, spread at each target.

    python benchmarks/shared_module.py settling|chain|spread [--flow FLOW] [--table TABLE]
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from spinbnn.characterize import Flow, LookupTable
from spinbnn.characterize.shared_bench import SharedModuleBench, SharedModuleJob
from spinbnn.circuit import NgspiceBatch
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.shared_measures import alone_probabilities, measures
from spinbnn.circuit.shared_module import SharedModule
from spinbnn.hardware import Chip

STEP = 5e-12
"""Longest step for the settling [s]: at the 50 ps of the flow the numerics err by 4e-4 of p, which hides it."""


def bench(flow: str) -> SharedModuleBench:
    found = Flow.load(flow).bench
    assert isinstance(found, SharedModuleBench)
    return found


def nominal_codes(given: SharedModuleBench) -> tuple[int, ...]:
    """Codes of the nominal module for the targets of the flow."""
    found = SharedModuleJob(module=given.module, sample=given.module.single.nominal(code=0)).run()
    return tuple(int(found[f"code_{given.module.sequence.index(p) + 1}"][0]) for p in given.module.targets)


def joined(values: Iterable[float], digits: int = 4) -> str:
    return " ".join(f"{value:.{digits}f}" for value in values)


def settling(flow: str) -> None:
    """Difference of p from the settled one, nominal module, codes at both ends of the DAC before each code of a target."""
    given = bench(flow)
    codes = nominal_codes(given)
    single = replace(given.module.single, timing=replace(given.module.single.timing, max_step=STEP))
    last = single.design.codes - 1
    with NgspiceBatch(workers=1, timeout=600.0) as engine:
        for code, p in zip(codes, given.module.targets, strict=True):
            shared = SharedModule(single=single, targets=(0.01, p, 0.99), sequence=(0.01, p, 0.99, p))
            train, alone = engine.run([shared.deck(single.nominal(code=0), (0, code, last)), shared.alone_deck(single.nominal(code=0), code)])
            rested, running = alone_probabilities(alone.require().waveforms, shared)
            found = measures(train.require().waveforms, shared, codes=(0, code, last), alone=[(rested, running)] * 3, supply=single.technology.supply)
            print(f"code {code} (p = {running:.4f}): after 0 {found['settling_2']:+.1e}, after {last} {found['settling_4']:+.1e}, after a rest {rested - running:+.1e}; state through all cycles {found['chain_error']:.1e}", flush=True)


def chain(flow: str) -> None:
    """Correlation of consecutive layers and what it does to the masks, over the length of RESET."""
    given = bench(flow)
    for reset in (5e-9, 4e-9, 3e-9):
        module = replace(given.module, single=replace(given.module.single, timing=replace(given.module.single.timing, reset=reset)))
        found = {name: float(value[0]) for name, value in SharedModuleJob(module=module, sample=module.single.nominal(code=0)).run().items()}
        layers = range(1, module.layers + 1)
        a, b = (np.array([found[f"transition_{k}_{n}"] for n in layers]) for k in ("01", "11"))
        drops, alone_at = [found[f"p_drop_{n}"] for n in layers], [found[f"p_alone_{k + 1}"] for k in range(len(module.targets))]
        energies = [found[f"energy_{n}"] * 1e12 for n in layers]
        masks = np.array(list(itertools.product((0, 1), repeat=module.layers)))
        chip = Chip(seed=0, id="circuit", modules="shared", a=a, b=b)
        alone = np.prod(np.where(masks == 1, chip.drop_probability, 1 - chip.drop_probability), axis=1)
        apart = 0.5 * float(np.abs(chip.mask_weights(masks) - alone).sum())
        print(f"RESET {reset * 1e9:g} ns: b - a " + joined(b - a) + "; correlation " + joined([found[f"correlation_{n}"] for n in layers]))
        print(f"  p_drop {joined(drops)} (alone {joined(alone_at)})")
        print(f"  masks against independent bits: total variation {found['independence']:.4f} (hardware.Chip: {apart:.4f})")
        print(f"  energy {joined(energies, 3)} pJ a layer, of a pass {found['energy_pass'] * 1e12:.2f} pJ with {found['energy_select'] * 1e15:.0f} fJ for latch and multiplexer")
        print(f"  latency {max(found[f'latency_{n}'] for n in layers) * 1e9:.2f} ns with {found['latency_select'] * 1e12:.0f} ps for the selection; a pass {found['latency_pass'] * 1e9:.1f} ns", flush=True)


def spread(path: str) -> None:
    """Spread of p at each target over the modules of a table, with a code for each module and target."""
    table = LookupTable.open(path)
    targets, sequence = table.attributes["targets"], table.attributes["sequence"]

    def column(name: str) -> np.ndarray:
        data = np.asarray(table.values(name)).ravel()
        return data[np.isfinite(data)]

    last = ModuleDesign.load(str(table.attributes["design"])).codes - 1
    print(f"{table.status.size} modules, {int(np.sum(table.status > 0))} not ok, codes {table.attributes['codes']}")
    for k, target in enumerate(targets):
        layer = sequence.index(target) + 1
        p, alone, code = column(f"p_drop_{layer}"), column(f"p_alone_{k + 1}"), column(f"code_{layer}")
        inside = [float(np.mean(np.abs(p - target) <= width)) for width in (0.03, 0.1)]
        print(f"target {target}: p {p.mean():.4f}, sd {p.std(ddof=1):.4f} (alone {alone.mean():.4f}, {alone.std(ddof=1):.4f}); within 3 points {inside[0]:.3f}, within 10 {inside[1]:.3f}; worst {np.abs(p - target).max():.4f}; codes {code.min():g} to {code.max():g}, at an end of the DAC {int(np.sum((code == 0) | (code == last)))}")
    every = range(1, len(sequence) + 1)
    print("correlation of consecutive layers: " + ", ".join(f"{np.mean(column(f'correlation_{n}')):.4f} +- {column(f'correlation_{n}').std(ddof=1):.4f}" for n in every) + f"; largest {max(column(f'correlation_{n}').max() for n in every):.4f}")
    for name, unit, scale in (("settling_worst", "", 1), ("chain_error", "", 1), ("independence", "", 1), ("energy_pass", "pJ", 1e12), ("energy_select", "fJ", 1e15), ("latency_select", "ps", 1e12), ("read_ok", "", 1)):
        data = column(name) * scale
        print(f"{name}: mean {data.mean():.4g} {unit}, {data.min():.4g} to {data.max():.4g}")
    latency = np.concatenate([column(f"latency_{n}") for n in every]) * 1e9
    print(f"latency: mean {latency.mean():.4g} ns, {latency.min():.4g} to {latency.max():.4g} ({latency.size} of {table.status.size * len(sequence)} decided)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["settling", "chain", "spread"])
    parser.add_argument("--flow", default="dropout_module_shared", help="for settling and chain")
    parser.add_argument("--table", default="dropout_module_shared.h5", help="for spread: spinbnn characterize dropout_module_shared -o TABLE")
    given = parser.parse_args()
    if given.what == "spread":
        spread(given.table)
    else:
        {"settling": settling, "chain": chain}[given.what](given.flow)


if __name__ == "__main__":
    main()
