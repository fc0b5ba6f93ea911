"""Models of transformers: https://huggingface.co/docs/transformers/main_classes/model (`PreTrainedModel._from_config`)."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from memscan.document import Document, shown
from memscan.errors import TargetError
from memscan.meta.base import Built, Order
from memscan.meta.device import meta_device
from memscan.meta.packages import version
from memscan.meta.remote_code import config_reference, load_class, model_reference, refusal
from memscan.note import Note

# What a config says of how to compute and how to store; neither is needed to know what is held, and both may need packages.
IGNORED = ("_attn_implementation", "_attn_implementation_internal", "attn_implementation", "_experts_implementation")
QUANTIZATION = ("quantization_config", "compression_config")


def build(order: Order) -> Built:
    """The declared class where transformers has it, else the repository's where that is allowed, else AutoModel's."""
    from transformers import CONFIG_MAPPING, AutoModel

    reference = model_reference(order.config)
    known = order.config.text("model_type") in CONFIG_MAPPING
    config = _local_config(order) if known else None
    declared = next(iter(order.config.texts("architectures")), None)
    kind = None if config is None else _declared_class(declared, config)
    notes: tuple[Note, ...] = ()
    if kind is None and reference is not None and order.trust_remote_code:
        config, kind = _remote_config(order), load_class(reference, order)
        notes = (Note(code="remote-code", message=f"code of the repository was run to build this model: {shown(reference)}"),)
    elif kind is None and config is not None and type(config) in AutoModel._model_mapping:  # noqa: SLF001 -- no other way to ask
        kind, notes = AutoModel, _substitute(declared, reference)
    if kind is None or config is None:
        raise TargetError(_why_not(order, reference, known=known))
    dtype = _dtype(config)
    with meta_device():
        module = _instantiate(kind, config, dtype)
    return Built(
        module=module, by=version("transformers"), notes=(*notes, *_dequantized(order.config, dtype)),
        held_in=_held_in(module, dtype),
    )  # fmt: skip


def _local_config(order: Order) -> Any:
    from transformers import AutoConfig

    with TemporaryDirectory(prefix="memscan-") as folder:
        Path(folder, "config.json").write_text(json.dumps(_values(order.config)), encoding="utf-8")
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    config._name_or_path = order.repo_id or ""  # noqa: SLF001 -- the folder is gone
    return config


def _remote_config(order: Order) -> Any:
    """The config in the repository's own class, where it brings one."""
    reference = config_reference(order.config)
    if reference is None:
        return _local_config(order)
    config = load_class(reference, order).from_dict(_values(order.config))
    config._name_or_path = str(order.folder or order.repo_id)  # noqa: SLF001 -- where such code looks for its other files
    return config


def _values(config: Document) -> dict[str, Any]:
    return {key: value for key, value in config.values.items() if key not in (*IGNORED, *QUANTIZATION)}


def _declared_class(name: str | None, config: Any) -> Any:
    """The class of that name, if transformers has it and it takes such a config."""
    import transformers

    kind = None if name is None else getattr(transformers, name, None)
    if not isinstance(kind, type) or not issubclass(kind, transformers.PreTrainedModel):
        return None
    takes = getattr(kind, "config_class", None)
    return kind if takes is not None and isinstance(_config_for(kind, config), takes) else None


def _config_for(kind: Any, config: Any) -> Any:
    """The text part of a multimodal config where the class is that of the language model, as the automatic classes do."""
    text = config.sub_configs.get("text_config")
    return config.text_config if text is not None and kind.config_class is text else config


def _dtype(config: Any) -> Any:
    """The dtype that loading gives the model: the config's own, else that of its text part, else float32."""
    import torch

    text = getattr(config, "text_config", None)
    dtype = getattr(config, "dtype", None) or getattr(text, "dtype", None) or torch.float32
    return getattr(torch, dtype) if isinstance(dtype, str) else dtype


def _instantiate(kind: Any, config: Any, dtype: Any) -> Any:
    from transformers import AutoModel

    if kind is AutoModel:
        return kind.from_config(config, dtype=dtype, trust_remote_code=False)
    return kind._from_config(_config_for(kind, config), dtype=dtype)  # noqa: SLF001 -- what from_config calls


def _held_in(module: Any, dtype: Any) -> Callable[[str], Any] | None:
    """The dtypes of the modules that loading keeps in float32 (`_keep_in_fp32_modules`)."""
    from transformers.core_model_loading import build_glob_alternation

    plan = module._get_dtype_plan(dtype)  # noqa: SLF001 -- loading asks no other
    if not plan:
        return None
    pattern, names, _ = build_glob_alternation(list(plan))

    def held_in(name: str) -> Any:
        match = pattern.search(name)
        return None if match is None else plan[names[match.lastgroup]]

    return held_in


def _substitute(declared: str | None, reference: str | None) -> tuple[Note, ...]:
    if declared is None:
        return ()
    missing = f"config.json declares {shown(declared)}, and {version('transformers')} has no such class for it"
    message = f"{missing}: that of AutoModel was built"
    if reference is not None:
        message += f"; the repository has code for it ({shown(reference)}), which --trust-remote-code would run"
    return (Note(code="another-class", message=message),)


def _dequantized(config: Document, dtype: Any) -> tuple[Note, ...]:
    stored = next((key for key in QUANTIZATION if config.values.get(key)), None)
    if stored is None:
        return ()
    message = f"config.json has a {stored}: the sizes are those of the model without it, in {str(dtype).removeprefix('torch.')}"
    return (Note(code="built-dequantized", message=message),)


def _why_not(order: Order, reference: str | None, *, known: bool) -> str:
    if reference is not None:
        return refusal(reference)
    model_type = order.config.text("model_type")
    if model_type is None:
        return "config.json names no model_type: transformers cannot tell what to build"
    if known:
        return f"{version('transformers')} has no class that config.json declares, and no AutoModel for {shown(model_type)}"
    return (
        f"config.json names the model type {shown(model_type)}, which {version('transformers')} does not know: "
        "a newer transformers may"
    )
