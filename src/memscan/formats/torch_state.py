"""A torch checkpoint sorted: weights in one list, the state of a training run in another.

What a file holds is its author's own choice. Three rules, applied from the outermost container inwards, while a container
is no state dict itself:

1. Training state stands apart, under the names that the file gives it: entries with a word like `optimizer`, `scheduler`
   or `rng` in their key, and any container with the `state` and `param_groups` of `torch.optim.Optimizer.state_dict`.
2. Averaged weights (`ema`, `state_dict_ema`, `params_ema`) beside others stand apart too; alone, they are the weights.
3. Where one container is left and its key says only that it is the model (`state_dict`, `model`, `module`, ...), that key
   is no part of the names, and single tensors beside it (a best loss, a random state) stand apart. Where several are left,
   each keeps its key.

Names inside are as stored: DataParallel's `module.` stays.
"""

import re
from dataclasses import dataclass

from memscan.formats.torch_tree import Branch, Tree, joined
from memscan.formats.torch_view import View

TRAINING = re.compile(
    r"optim|(?:^|_)sched|scheduler|(?:^|_)rng|random_state|(?:^|_)scaler|callbacks?$|^loops$|^(?:train(?:ing|er)|args|hparams|config)"
    r"|hyper_parameters|history",
    re.IGNORECASE,
)
AVERAGED = re.compile(r"(?:^|_|\.)(?:ema|averaged|swa)(?:$|_|\.)", re.IGNORECASE)
WRAPPER = re.compile(
    r"(?:ema_|averaged_|swa_)?(?:(?:model_?)?(?:state(?:_?dict)?|_?dict|params?|weights)|model|module|net|network|generator|ema|swa)"
    r"(?:_ema|_swa|_averaged)?",
    re.IGNORECASE,
)
OPTIMIZER_KEYS = frozenset({"state", "param_groups"})
ALONE = "tensor"  # the name of a tensor that a file holds without any container


@dataclass(frozen=True, slots=True)
class State:
    """The tensors of one file, each with its name."""

    weights: tuple[tuple[str, View], ...]
    training: tuple[tuple[str, View], ...]
    container: str
    """The keys that lead to the weights and are no part of their names, joined by dots; often empty."""


Entries = tuple[tuple[str, Branch | View], ...]


def sort(value: object, path: str, constants: object = ()) -> State:
    """The tensors in the value that the pickle of `path` holds, and among the constants beside it."""
    tree = Tree(path)
    node, beside = tree.node(value), tree.node(constants)
    if isinstance(node, View):
        node = Branch(((ALONE, node),), frozenset(), is_object=False)
    weights, training, container = _split(node) if node is not None else ((), (), "")
    if beside is not None:
        weights = (*weights, ("constants", beside))
    return State(
        tuple(found for name, child in weights for found in tree.walk(name, child)),
        tuple(found for name, child in training for found in tree.walk(name, child)),
        container,
    )


def _split(node: Branch) -> tuple[Entries, Entries, str]:
    """The entries that are weights, those that are not, and the keys of the containers around the weights."""
    apart: list[tuple[str, Branch | View]] = []
    container = ""
    while True:
        if node.is_object:
            return node.children, tuple(apart), container
        if node.keys >= OPTIMIZER_KEYS:
            return (), (*apart, *_under(container, node.children)), ""
        weights, others = _sides(node.children)
        inner = [(key, child) for key, child in weights if isinstance(child, Branch)]
        if len(inner) != 1 or WRAPPER.fullmatch(inner[0][0]) is None:
            return weights, (*apart, *_under(container, others)), container
        beside = tuple(entry for entry in weights if entry[1] is not inner[0][1])
        apart += (*_under(container, others), *_under(container, beside))
        key, node = inner[0]
        container = joined(container, key)


def _sides(entries: Entries) -> tuple[Entries, Entries]:
    """Weights, and what stands apart."""
    training = [_is_training(key, child) for key, child in entries]
    averaged = [_is_averaged(key, child) for key, child in entries]
    # Averaged weights are the weights where no other container is left.
    others = any(isinstance(child, Branch) for (_, child), *out in zip(entries, training, averaged, strict=True) if not any(out))
    apart = [out or (others and second) for out, second in zip(training, averaged, strict=True)]
    return _where(apart, entries, chosen=False), _where(apart, entries, chosen=True)


def _where(flags: list[bool], entries: Entries, *, chosen: bool) -> Entries:
    return tuple(entry for entry, flag in zip(entries, flags, strict=True) if flag is chosen)


def _is_training(key: str, child: Branch | View) -> bool:
    return isinstance(child, Branch) and (TRAINING.search(key) is not None or child.keys >= OPTIMIZER_KEYS)


def _is_averaged(key: str, child: Branch | View) -> bool:
    return isinstance(child, Branch) and AVERAGED.search(key) is not None


def _under(container: str, entries: Entries) -> Entries:
    return tuple((joined(container, key), child) for key, child in entries)
