"""The meta device, quiet and bounded: what is built inside these contexts takes no memory, prints nothing, and ends."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from threading import Lock
from typing import Any

from memscan.errors import TargetError

# Tensors: some 20 seconds and 1 GB of modules. A trillion parameters in 384 experts of their own in 61 layers make 70,000.
MAX_PARAMETERS = 250_000

# torch's default dtype, its hooks and the logging level belong to the process: one model is built at a time.
_ONE_AT_A_TIME = Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings, no log lines, and nothing on standard output, which belongs to the answer."""
    before = logging.root.manager.disable
    with _ONE_AT_A_TIME, warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


@contextmanager
def meta_device(limit: int = MAX_PARAMETERS) -> Iterator[None]:
    """Up to `limit` parameters are made on the meta device; numbers that models read back while they are built are not."""
    import torch

    counter = torch.nn.modules.module.register_module_parameter_registration_hook(_count_to(limit))
    linspace = torch.linspace
    # Depths of stochastic depth are made by linspace and read by `.item()`, which meta tensors do not have.
    torch.linspace = _on_cpu(linspace)
    try:
        with torch.device("meta"):
            yield
    finally:
        torch.linspace = linspace
        counter.remove()


def _on_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    def made(*args: object, **options: object) -> Any:
        return function(*args, **{"device": "cpu", **options})

    return made


def _count_to(limit: int) -> Callable[..., None]:
    """A hook that stops a config of absurd numbers while it is being built."""
    count = 0

    def hook(*_: object) -> None:
        nonlocal count
        count += 1
        if count > limit:
            raise TargetError(f"the config describes more than {limit:,} tensors: it is not that of a real model")

    return hook
