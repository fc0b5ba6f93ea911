"""What the page answers, without the page."""

from memscan.bills import estimate_training
from memscan.web.answer import answer_of
from memscan.web.query import Query
from tests.bills.models import LLAMA, report_of


def test_each_device_is_told_what_a_training_takes_on_it():
    report = report_of(LLAMA)
    found = answer_of(Query(model="org/name", context=512, work="training"), report)
    assert found.ways == ("Full", "LoRA, r=16", "QLoRA, NF4")
    assert {"h100", "mi300x", "m4-max-128gb"} <= {place.device.name for place in found.places}
    for place in found.places:
        for words, cell in zip(({}, {"lora": "r=16"}, {"lora": "r=16", "qlora": "nf4"}), place.cells, strict=True):
            bill = estimate_training(report, seq=512, device=place.device.name, **words)
            assert (cell.fits, cell.nbytes) == (bill.verdict.answer, bill.peak.nbytes)
    peaks = {place.device.name: place.cells[0].nbytes for place in found.places}
    assert peaks["m4-max-128gb"] < peaks["h100"] == peaks["mi300x"]
