"""What a model takes while it works: the bill of an inference or a training, line by line."""

from memscan.bills.api import dtype_of, estimate_inference, estimate_training, recipe_of, workload_of
from memscan.bills.bill import Answer, Bill, Peak, Share, Verdict, in_order, moments, peak, verdict
from memscan.bills.inference import inference_bill
from memscan.bills.prepared import Prepared, prepare, spread
from memscan.bills.recipe import Recipe, on_devices
from memscan.bills.training import training_bill
from memscan.bills.workload import Workload

__all__ = [
    "Answer",
    "Bill",
    "Peak",
    "Prepared",
    "Recipe",
    "Share",
    "Verdict",
    "Workload",
    "dtype_of",
    "estimate_inference",
    "estimate_training",
    "in_order",
    "inference_bill",
    "moments",
    "on_devices",
    "peak",
    "prepare",
    "recipe_of",
    "spread",
    "training_bill",
    "verdict",
    "workload_of",
]
