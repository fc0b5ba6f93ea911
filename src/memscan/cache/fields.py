"""Counts and sizes of the attention of one layer, by the many names that they have."""

from memscan.architecture.settings import Settings
from memscan.errors import FormatError

MOST = 1 << 40  # of anything that a layer has
LAYERS = (
    "decoder_layers",
    "num_decoder_layers",
    "decoder_num_hidden_layers",
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    "num_transformer_layers",
)
QUERIES = (
    "decoder_attention_heads",
    "num_decoder_attention_heads",
    "decoder_num_attention_heads",
    "num_attention_heads",
    "num_query_heads",
    "n_head",
    "n_heads",
    "num_heads",
    "attention_heads",
)
GROUPS = (
    "n_head_kv",
    "num_kv_heads",
    "decoder_num_key_value_heads",
    "num_key_value_heads",
    "num_attention_groups",
    "kv_n_heads",
)
WIDTHS = ("decoder_hidden_size", "hidden_size", "d_model", "n_embd", "model_dim", "dim")
HEAD_WIDTHS = ("head_dim", "attention_head_dim", "hidden_size_per_head", "kv_channels", "d_kv", "dim_head")


def layers_of(settings: Settings) -> int | None:
    """Layers of the decoder; None where no field says it."""
    return settings.layers(*LAYERS)


def queries_of(settings: Settings, layer: int) -> int | None:
    """Query heads of the layer."""
    return counted(settings, QUERIES, layer)


def width_of(settings: Settings) -> int | None:
    """Elements of a hidden state."""
    return settings.integer(*WIDTHS)


def counted(settings: Settings, names: tuple[str, ...], layer: int) -> int | None:
    """The first of the fields that has a value: the layer's own where it lists one for each layer."""
    for name in names:
        if isinstance(settings.get(name), list | tuple):
            return of_layer(settings, name, layer)
        value = settings.integer(name)
        if value is not None:
            return value
    return None


def of_layer(settings: Settings, name: str, layer: int) -> int | None:
    """The layer's own number in a list of one for each layer; None where the field is no list.

    Raises:
        FormatError: where the list is too short, or has something else than a count for the layer.

    """
    listed = settings.get(name)
    if not isinstance(listed, list | tuple):
        return None
    found = listed[layer] if layer < len(listed) else None
    if type(found) is not int or not 0 <= found < MOST:
        raise FormatError(f"{settings.path}: {name} has {len(listed)} entries, none of them a count for layer {layer}")
    return found
