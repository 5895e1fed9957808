"""Work on a CUDA card that is recorded once and then replayed, so that the card waits for none of the host's launches.

A training step of a small network is some 300 kernels of a few microseconds each; launching them takes the host several
times as long as the card needs to carry them out. A CUDA graph launches them all at once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Work = Callable[..., tuple[Tensor, ...]]
WARM = 3  # calls that are carried out as they come: libraries choose their kernels, optimisers make their state


class Captured:
    """Calls `work(*tensors) -> tensors`, from the fourth call on as a CUDA graph; results are the caller's own.

    Every call's tensors have the shapes, types and memory formats of the first's, and `work` may change other tensors,
    always the same ones, in place. Work that cannot be recorded, since it waits for the device or decides by what it
    computed, is carried out as it comes.
    """

    def __init__(self, work: Work) -> None:
        self.work, self.calls = work, 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.stream = torch.cuda.Stream()
        self.given: tuple[Tensor, ...] = ()
        self.found: tuple[Tensor, ...] = ()

    def __call__(self, *given: Tensor) -> tuple[Tensor, ...]:
        self.calls += 1
        if self.calls <= WARM:
            return self._aside(given)
        if self.calls == WARM + 1:
            self._record(given)
        if self.graph is None:
            return self.work(*given)
        for own, new in zip(self.given, given, strict=True):
            own.copy_(new)
        self.graph.replay()
        return tuple(one.clone() for one in self.found)

    def _aside(self, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Carried out on a stream of its own, as what is recorded later will be."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            found = self.work(*given)
        torch.cuda.current_stream().wait_stream(self.stream)
        return found

    def _record(self, given: tuple[Tensor, ...]) -> None:
        """Nothing is computed here: a recording is carried out when it is replayed."""
        self.given = tuple(one.clone() for one in given)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self.stream):
                self.found = self.work(*self.given)
        except RuntimeError:  # such as a network that reads a value in its forward pass
            self.given = self.found = ()
            return
        self.graph = graph
