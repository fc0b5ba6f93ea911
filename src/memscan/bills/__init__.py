"""What a model takes while it works: the bill of an inference or a training, line by line."""

from memscan.bills.bill import Answer, Bill, Peak, Share, Verdict, moments, peak, verdict
from memscan.bills.inference import Prepared, inference, prepare
from memscan.bills.workload import Workload

__all__ = [
    "Answer",
    "Bill",
    "Peak",
    "Prepared",
    "Share",
    "Verdict",
    "Workload",
    "inference",
    "moments",
    "peak",
    "prepare",
    "verdict",
]
