"""Training steps of a small Llama."""

from memscan.bills import Recipe, training_bill
from tests.bills.models import LLAMA, report_of

SMALL = {**LLAMA, "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4, "num_key_value_heads": 2,
         "num_hidden_layers": 3, "vocab_size": 1000, "max_position_embeddings": 512}  # fmt: skip


def bill(values=SMALL, **recipe):
    return training_bill(report_of(values), Recipe(**{"seq": 32, **recipe}))


def lines(found):
    return {item.name: item for item in found.items}


def parameters(values=SMALL):
    return report_of(values).scopes["declared"].parameters
