"""The corridor from budgets to a gate: what is asked, read and judged. Apart from `scanning`, which a plain scan loads alone."""

from memscan.checking.checks import check_all
from memscan.checking.own_devices import own_devices

__all__ = ["check_all", "own_devices"]
