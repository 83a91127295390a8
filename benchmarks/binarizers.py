"""Time of each binariser's input, forward and backward, on 64 x 16 x 32 x 32 values, one thread: `python -m benchmarks.binarizers`."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from spinbnn.nn import BINARIZERS, binary_sign, make_binarizer
from spinbnn.tables import Cell, Column, Table

ROUNDS = 30


def best(call: Callable[[], object]) -> float:
    """Return the least processor time of a call [ms]."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return 1e3 * min(found)


def main() -> None:
    torch.set_num_threads(1)
    x = torch.randn((64, 16, 32, 32), generator=torch.Generator().manual_seed(0))
    given = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    rows: list[list[Cell]] = [
        ["torch.where(x >= 0, 1., -1.)", best(lambda: torch.where(x >= 0, 1.0, -1.0)), None],
        ["binary_sign", best(lambda: binary_sign(x)), None],
    ]
    leaf = x.clone().requires_grad_()
    for name in BINARIZERS:
        binarizer = make_binarizer(name)
        binarizer.anneal(0.5)

        def both(binarizer: torch.nn.Module = binarizer) -> None:
            leaf.grad = None
            binarizer.input(leaf).backward(given)

        with torch.no_grad():
            forward = best(lambda b=binarizer: b.input(x))
        rows.append([name, forward, best(both)])
    print(Table("", ["", Column("forward", "ms"), Column("forward and backward", "ms")], rows, note=f"Best of {ROUNDS}.").to_markdown())


if __name__ == "__main__":
    main()
