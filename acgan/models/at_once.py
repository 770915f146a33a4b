"""Changes of a network while it runs, in several threads at the same time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from torch import nn


class Overlapping:
    """A context that the first of several threads enters, and the last one leaves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._context = contextlib.ExitStack()

    def __reduce__(self) -> tuple[type[Overlapping], tuple[()]]:
        """A copy of a network has one of its own; locks cannot be copied."""
        return type(self), ()

    @contextlib.contextmanager
    def entered(self, make: Callable[[], contextlib.AbstractContextManager[object]]) -> Iterator[None]:
        """Be inside the context, which ``make`` makes for the first thread."""
        with self._lock:
            if not self._inside:
                self._context.enter_context(make())
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._context.close()


class Taps(Overlapping):
    """Hooks that hand the outputs of layers to the thread that runs the network.

    They are there only while it runs, so that a deep copy holds none that point at the original.
    """

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()

    @contextlib.contextmanager
    def open(self, layers: Mapping[str, nn.Module], take: Callable[[str, Any], None]) -> Iterator[None]:
        """Call ``take(name, output)`` for each run of a layer in this thread; all threads name the same layers."""
        self._here.take = take
        try:
            with self.entered(lambda: self._hooks(layers)):
                yield
        finally:
            del self._here.take

    @contextlib.contextmanager
    def _hooks(self, layers: Mapping[str, nn.Module]) -> Iterator[None]:
        handles = [
            layer.register_forward_hook(partial(self._hand_over, name)) for name, layer in layers.items()
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hand_over(self, name: str, _layer: nn.Module, _inputs: Any, output: Any) -> None:
        take = getattr(self._here, "take", None)
        if take is not None:
            take(name, output)
