"""The models of `cases`, built and fed by transformers on the processor."""

from collections.abc import Mapping

import torch
import transformers

from tests.activations.cases import CLASSES, Case, Mode


def build(case: Case, mode: Mode, class_name: str | None = None):
    """The model, and its config as the library writes it."""
    config = transformers.AutoConfig.for_model(case.family, **case.config)
    kind = getattr(transformers, class_name or CLASSES[case.family])
    attention = mode.attention if kind._supports_sdpa else "eager"
    model = kind._from_config(config, dtype=getattr(torch, mode.dtype), attn_implementation=attention)
    if mode.adapter is not None:
        model = _adapted(model, mode)
    model.train(mode.training)
    if mode.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model, config.to_json_string(use_diff=False)


def _adapted(model, mode: Mode):
    import peft

    adapter = mode.adapter
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    targets = "all-linear" if adapter.targets is None else sorted(adapter.targets & names)
    config = peft.LoraConfig(r=adapter.rank, target_modules=targets, lora_dropout=adapter.dropout, task_type="CAUSAL_LM")
    made = peft.get_peft_model(model, config)
    if mode.checkpointing:
        made.enable_input_require_grads()
    return made


def inputs(case: Case, mode: Mode, model) -> Mapping[str, object]:
    """A batch without padding, with labels where it is to be trained on."""
    config = model.config
    if case.family == "vit":
        shape = (case.sequences, config.num_channels, config.image_size, config.image_size)
        made = {"pixel_values": torch.randn(shape, dtype=getattr(torch, mode.dtype))}
        return made | ({"labels": torch.zeros(case.sequences, dtype=torch.long)} if mode.training else {})
    shape = (case.sequences, case.tokens)
    made = {"input_ids": torch.randint(3, config.vocab_size, shape)}
    if mode.training:
        made["labels"] = torch.randint(3, config.vocab_size, shape)
    elif case.family == "t5":
        made["decoder_input_ids"] = torch.randint(3, config.vocab_size, shape)
    if "bert" not in case.family and case.family != "roberta":
        made["use_cache"] = mode.cached and not mode.training and case.family != "mamba"
    return made
