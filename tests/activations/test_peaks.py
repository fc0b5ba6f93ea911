"""Peaks against two counts of what torch has alive: its own `MemTracker`, and one of storages (see `counting`).

Small models of every proven family at random sizes, run by transformers on the processor: gradients and what a cache keeps are
part of the peaks.
"""

from dataclasses import replace

import pytest

from tests.activations.cases import ADAPTED, CLASSES, MODES, case, ours

pytestmark = [pytest.mark.torch, pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

WHOLE = ("llama", "qwen3_moe", "gemma3_text", "gpt2", "bert", "vit")
SLOW = ("t5", "mamba")
TRACKED, STORED = 0.02, 0.006
LOOSE = {"mamba": 0.015}  # what its cache keeps of states is not in the recipe
NAMES = tuple(MODES)


def _some() -> list[tuple[str, str]]:
    """All modes for a sample of families, and four of them for each other one, so that each mode is there for several."""
    chosen = []
    for index, family in enumerate(CLASSES):
        for step, name in enumerate(NAMES):
            if family in WHOLE or (step + index) % len(NAMES) in ({0, 3, 6} if family in SLOW else {0, 3, 5, 8}):
                chosen.append((family, name))
    return chosen


@pytest.mark.parametrize(("family", "name"), _some())
def test_peaks_are_those_that_torch_counts(family: str, name: str):
    from tests.activations.counting import stored, tracked
    from tests.activations.models import build, inputs

    one, mode = case(family, f"{name} 0"), MODES[name]
    model, config = build(one, mode)
    given = inputs(one, mode, model)
    computed = ours(one, mode, config, CLASSES[family])
    by_torch = tracked(model, given, training=mode.training, autocast=mode.autocast)
    by_storage = stored(model, given, training=mode.training, autocast=mode.autocast)
    for part, nbytes in computed.items():
        assert nbytes == pytest.approx(by_torch[part], rel=TRACKED), part
        assert nbytes == pytest.approx(by_storage[part], rel=LOOSE.get(family, STORED)), part


@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt2", "gemma"])
@pytest.mark.parametrize("name", ADAPTED)
def test_peaks_of_lora_are_those_of_peft(family: str, name: str):
    # MemTracker hooks into every parameter, and refuses frozen ones.
    from tests.activations.counting import stored
    from tests.activations.models import build, inputs

    one, mode = case(family, f"{name} 0", sliding_window=None) if family != "gpt2" else case(family, f"{name} 0"), ADAPTED[name]
    model, config = build(one, mode)
    given = inputs(one, mode, model)
    computed = ours(one, mode, config, CLASSES[family])
    for part, nbytes in stored(model, given, training=True, autocast=mode.autocast).items():
        assert computed[part] == pytest.approx(nbytes, rel=STORED), part


@pytest.mark.parametrize("class_name", ["LlamaForSequenceClassification", "LlamaForTokenClassification"])
def test_another_head_makes_labels(class_name: str):
    from tests.activations.counting import stored
    from tests.activations.models import build, inputs

    one, mode = case("llama", class_name, num_labels=5), MODES["training-fp32"]
    model, config = build(one, mode, class_name)
    given = dict(inputs(one, mode, model))
    given["labels"] = given["labels"][:, 0] % 5 if "Sequence" in class_name else given["labels"] % 5
    for part, nbytes in stored(model, given, training=True).items():
        assert ours(one, mode, config, class_name)[part] == pytest.approx(nbytes, rel=0.02), part


@pytest.mark.parametrize(
    ("family", "tokens"),
    [("llama", 1), *((family, tokens) for family in ("llama", "mistral", "gpt_neox", "gpt2") for tokens in (96, 256))],
)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_pass_after_others_copies_the_cache_of_one_layer_and_asks_all_of_it(attention: str, family: str, tokens: int):
    import torch
    import transformers

    from memscan.activations import Pass, forward
    from memscan.architecture import Config
    from memscan.architecture.settings import Settings
    from tests.activations.counting import Storages

    sizes = {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "vocab_size": 300, "max_position_embeddings": 2048, "pad_token_id": 0,
    }  # fmt: skip
    if family == "gpt2":
        sizes = {"n_embd": 64, "n_layer": 3, "n_head": 4, "vocab_size": 300, "n_positions": 2048}
    if family == "mistral":
        sizes["sliding_window"] = 300
    config = transformers.AutoConfig.for_model(family, **sizes)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, attn_implementation=attention).eval()
    past, sequences = 768, 2
    with torch.no_grad():
        cache = transformers.DynamicCache(config=config)
        for _ in range(past // max(tokens, 96)):
            given = torch.zeros((sequences, max(tokens, 96)), dtype=torch.long)
            model(given, past_key_values=cache, use_cache=True, logits_to_keep=1)
        kept = [one for layer in cache.layers for one in (layer.keys, layer.values)]
        count = Storages([*model.parameters(), *model.buffers()], kept)
        del kept
        with count:
            model(given[:, :tokens], past_key_values=cache, use_cache=True, logits_to_keep=1)
    after = sum(one.nbytes for layer in cache.layers for one in (layer.keys, layer.values))
    one = Pass(tokens=tokens, sequences=sequences, attention=attention, past=past, counted=True)
    working, _ = forward(Settings.of(Config.of_words(config.to_dict(), "config.json")), CLASSES[family], one, logits_tokens=1)
    assert working.nbytes == pytest.approx(count.peak - after, rel=0.02)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_step_of_decoding_makes_the_quantized_cache_of_one_layer_dense(attention: str, dtype: str):
    import torch
    import transformers

    from memscan.activations import Pass, forward
    from memscan.architecture import Config
    from memscan.architecture.settings import Settings
    from memscan.bills.dequantized_cache import beside_quantized
    from tests.activations.counting import Storages

    sizes = {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 300,
    }  # fmt: skip
    config = transformers.LlamaConfig(**sizes)
    made = transformers.LlamaForCausalLM._from_config(config, dtype=getattr(torch, dtype), attn_implementation=attention)
    model, past, sequences = made.eval(), 1000, 2

    def kept(cache: transformers.Cache) -> list[torch.Tensor]:
        return [pair[0] for layer in cache.layers for pair in (layer._quantized_keys, layer._quantized_values)]

    with torch.no_grad():
        cache = transformers.QuantizedCache("fp8", config)
        model(torch.zeros((sequences, past), dtype=torch.long), past_key_values=cache, use_cache=True)
        count = Storages([*model.parameters(), *model.buffers()], kept(cache))
        with count:
            model(torch.zeros((sequences, 1), dtype=torch.long), past_key_values=cache, use_cache=True)
    settings = Settings.of(Config.of_words(config.to_dict(), "config.json"))
    one = Pass(tokens=1, sequences=sequences, attention=attention, past=past, dtype=dtype, counted=True)
    plain, _ = forward(settings, "LlamaForCausalLM", one, logits_tokens=1)
    found = beside_quantized(replace(plain, phases=frozenset({"decode"})), settings, one, ranks=1)
    beyond = count.peak - sum(tensor.nbytes for tensor in kept(cache))
    assert found.nbytes == pytest.approx(beyond, rel=0.01)
    assert found.low < beyond < found.high
