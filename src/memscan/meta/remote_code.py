"""The classes that a repository brings along and names in `auto_map`. Loading one runs code of the repository.

https://huggingface.co/docs/transformers/main/en/custom_models
"""

from collections.abc import Mapping
from typing import Any

from memscan.document import Document, shown
from memscan.errors import TargetError
from memscan.meta.base import Order

CONFIG = "AutoConfig"


def model_reference(config: Document) -> str | None:
    """The reference (`module.Class`) to the model's class: the declared one, else that of AutoModel, else the first."""
    references = _references(config)
    models = {key: value for key, value in references.items() if key.startswith("AutoModel")}
    declared = config.texts("architectures")[:1]
    for reference in models.values():
        if reference.rpartition(".")[2] in declared:
            return reference
    return models.get("AutoModel") or next(iter(models.values()), None)


def config_reference(config: Document) -> str | None:
    """The reference to the config's class, where the repository brings one."""
    return _references(config).get(CONFIG)


def load_class(reference: str, order: Order) -> Any:
    """The class at `reference`; runs the code of the repository, which `order` has to allow."""
    if not order.trust_remote_code:
        raise TargetError(refusal(reference))
    place = str(order.folder) if order.folder is not None else order.repo_id
    if place is None:
        raise TargetError(f"{shown(reference)} is code of the model's repository, and the config came without one")
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    with disable_progress_bars():
        return get_class_from_dynamic_module(reference, place, revision=order.commit, token=order.token)


def refusal(reference: str) -> str:
    """The sentence for people where the code is needed and not allowed."""
    return (
        f"the model needs code of its repository ({shown(reference)}), and memscan runs none unless told to: "
        "read that code, then allow it with --trust-remote-code"
    )


def _references(config: Document) -> Mapping[str, str]:
    found = config.child("auto_map")
    return {} if found is None else {key: value for key, value in found.values.items() if isinstance(value, str)}
