"""The fields of a config class that make its models large, or that switch tensors on and off."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from overrides import OVERRIDES
from transformers import PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

Path = tuple[str, ...]
Tree = dict[str, Any]

# The first that matches a field's name says what the field is. Fields of no kind stay as they are.
KINDS: Mapping[str, re.Pattern[str]] = {
    kind: re.compile("|".join(patterns))
    for kind, patterns in {
        "token": (r"token_ids?$|token_index$|_token$|_bos_id$|_eos_id$|_pad_id$",),
        "indices": (
            r"_indexes$|_indices$|^out_features$|hook_ids$|^extract_layers$|^encode_proj_layers$|_index$|attn_resolutions",
        ),
        "fixed": (
            r"kernel|stride|padding|dilation|temperature|loss|cost|seed|sampling|patch_size|window|_rate|ratio|factor|levels",
            r"in_channels|num_channels|audio_channels|in_chans|chunk|num_inference|_every|_step$|_freq$|feature_layer|period|shape",
            r"points",
        ),
        "vocabulary": (r"vocab|^codebook_size$|^num_embeds$",),
        "chosen": (r"experts_per_tok|top_k$|topk|^moe_k$|num_selected|num_activated",),
        "experts": (r"experts|n_routed|num_local_experts|moe_num|^n_group$|^num_groups?$",),
        "layers": (
            r"layers?(_\w)?$|^depths?$|_depths?$|^n_?layers?$|num_hidden_layers|num_blocks|block_repeats|block_sizes|_depth_",
        ),
        "heads": (r"heads?(_\w+)?$|^n_head|num_key_value|heads$",),
        "head_width": (r"head_dim|^d_kv$|head_size|^d_head$|dim_head|key_dim|value_dim$|attention_channels",),
        "positions": (r"position|max_len|max_seq|seq_len|seq_length|n_ctx|buckets|max_distance|max_2d|num_queries|num_frames",),
        "picture": (r"image_size|img_size|^input_size$|resolution|spec_size|train_size",),
        "width": (
            r"dims?$|sizes?$|rank$|channels?$|^d_model$|embd$|inner$|^d_ff$|ffn|features$|filters$|units$|hidden|width|_dim_",
            r"bins|d_state",
        ),
    }.items()
}
# What can be flipped without asking for another kind of model; a config that does not build with a flip goes without it.
SWITCH = re.compile(
    r"^tie_word_embeddings$|bias$|use_qk_norm|qk_layernorm|absolute|rel_pos|^add_adapter$|use_mask_token|^add_cross_attention$"
    r"|^is_decoder$|layer_norm_elementwise|use_layer_scale|^multi_query$|^learn_initial_query$|norm_before|^use_swiglu_ffn$"
)
# Fields that some config classes leave open and their models need; asked for only where nothing builds without them.
OPEN: Mapping[str, int] = {
    "vocab_size": 97, "num_key_value_heads": 2, "head_dim": 16, "n_routed_experts": 4, "num_experts": 4, "num_experts_per_tok": 2,
    "n_shared_experts": 1, "shared_expert_intermediate_size": 40, "moe_intermediate_size": 24, "top_k_experts": 2, "n_group": 1,
    "topk_group": 1, "prediction_length": 7, "decoder_hidden_size": 48, "pad_token_id": 1, "mask_token_id": 4, "mlp_dim": 48,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Knob:
    """One field, with where it is in the tree of configs, its default and what it is called here."""

    path: Path
    default: Any
    kind: str

    @property
    def name(self) -> str:
        """The field's own name."""
        return self.path[-1]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a config class needs said before any knob is turned: the sub-configs' types, and its knobs."""

    tree: Tree
    knobs: tuple[Knob, ...]


def frame(name: str, config_class: type[PreTrainedConfig]) -> Frame:
    """The knobs of a config class and of its sub-configs, depth first, for the class of that name."""
    tree: Tree = {}
    fixed = OVERRIDES[name].tree if name in OVERRIDES else {}
    return Frame(tree=tree, knobs=tuple(_knobs(config_class, {}, tree, (), fixed)))


def _knobs(
    config_class: type[PreTrainedConfig], initial: Tree, tree: Tree, path: Path, fixed: Mapping[str, Any]
) -> Iterator[Knob]:
    override = OVERRIDES.get(config_class.model_type)
    fixed = {**(override.tree if override else {}), **fixed}
    tree.update(initial | fixed)
    for field in fields(config_class):
        if field.name in config_class.sub_configs or field.name in fixed:
            continue  # a sub-config has knobs of its own; an override stays
        default = initial.get(field.name, _default(field))
        if default is None and field.name in OPEN:
            yield Knob(path=(*path, field.name), default=None, kind="open")
        elif (kind := kind_of(field.name, default)) is not None:
            yield Knob(path=(*path, field.name), default=default, kind=kind)
    for name, spec in _sub_configs(config_class).items():
        if not spec.optional:
            said, kept = initial.get(name), fixed.get(name)
            said = {**spec.init_kwargs, **(said if isinstance(said, dict) else {})}
            kept = dict(kept) if isinstance(kept, Mapping) else {}
            sub_class, said = _sub_type(spec, said, kept)
            tree[name] = {}
            yield from _knobs(sub_class, said, tree[name], (*path, name), kept)


def _sub_configs(config_class: type[PreTrainedConfig]) -> dict[str, SubConfigSpec]:
    """Those that are declared with a default, and config classes that are named in the older way."""
    older = {name: found for name, found in config_class.sub_configs.items() if issubclass(found, PreTrainedConfig)}
    return {**{name: SubConfigSpec(config_class=found) for name, found in older.items()}, **config_class.sub_configs_defaults}


def _sub_type(spec: SubConfigSpec, initial: Tree, fixed: Mapping[str, Any]) -> tuple[type[PreTrainedConfig], Tree]:
    """The class of a sub-config, and what has to be said to get it."""
    if issubclass(spec.config_class, PreTrainedConfig):
        return spec.config_class, initial
    model_type = {**initial, **fixed}.get("model_type", spec.model_type)
    return spec.get_config_class(model_type), {**initial, "model_type": model_type}


def _default(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else None


def kind_of(name: str, default: Any) -> str | None:
    """The kind of a field by its name and the type of its default; None for one that is not touched."""
    if isinstance(default, bool):
        return "switch" if SWITCH.search(name) else None
    if not _numbers(default):
        return None
    kind = next((kind for kind, pattern in KINDS.items() if pattern.search(name)), "other")
    if kind == "other" and (isinstance(default, int) and default < 48):
        return None
    return None if kind == "fixed" else kind


def _numbers(default: Any) -> bool:
    if isinstance(default, list | tuple):
        return bool(default) and all(isinstance(item, int) and not isinstance(item, bool) for item in default)
    return isinstance(default, int) and default > 0
