"""A model with another head than that for words: labels for each token, or nothing.

transformers 5.23.0, `modeling_layers.py` (`GenericForSequenceClassification`, `GenericForTokenClassification`).
"""

from typing import Protocol

from memscan.activations.losses import cross_entropy
from memscan.activations.pointwise import dropout
from memscan.activations.setup import EACH, Linear, Setup, labels, ratio
from memscan.activations.tape import Tape
from memscan.activations.tensor import Tensor
from memscan.architecture.settings import Settings


class Backbone(Protocol):
    """What makes hidden states."""

    def hidden(self, tape: Tape) -> Tensor:
        """The last of them."""


class Classifier:
    """Labels on the hidden states of `backbone`."""

    def __init__(self, backbone: Backbone, settings: Settings, setup: Setup) -> None:
        self.backbone, self.labels, self.setup = backbone, labels(settings), setup
        self.share = ratio(settings, "classifier_dropout", ratio(settings, "hidden_dropout", 0.1))
        self.score: Linear | None = None

    def hidden(self, tape: Tape) -> Tensor:
        """What the head is given."""
        return self.backbone.hidden(tape)

    def logits(self, tape: Tape, hidden: Tensor) -> Tensor:
        """For every token."""
        self.score = self.setup.linear("score", self.labels, hidden.shape[-1])
        if self.setup.head in EACH:
            hidden = dropout(tape, hidden, self.share)
        return self.score(tape, hidden)

    def loss(self, tape: Tape, hidden: Tensor) -> Tensor:
        """Of the labels."""
        logits = self.logits(tape, hidden)
        return cross_entropy(tape, logits)
