"""Device maps against accelerate's own, on models of many kinds, small and of real size, and on many splits of memory."""

import json
import random
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

import pytest

from memscan.architecture import Config
from memscan.errors import FormatError, UsageError
from memscan.fit.device_map import device_map, device_map_note
from memscan.model import CHECKPOINT, DECLARED, Scope, scopes
from tests.writers.tensors import model, tensor

torch_only = [pytest.mark.torch, pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]  # the libraries' own notices

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48,
    "vocab_size": 99, "max_position_embeddings": 40, "head_dim": 8,
}  # fmt: skip
SEQ2SEQ = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "vocab_size": 99, "max_position_embeddings": 40, "pad_token_id": 0,
}  # fmt: skip
VISION = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "image_size": 32}
LLAMA_8B = {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
    "vocab_size": 128256,
}  # fmt: skip
GEMMA_2B = {
    "hidden_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1, "intermediate_size": 16384,
}  # fmt: skip

MODELS: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    # name: (class, model type, config)
    "llama": ("LlamaForCausalLM", "llama", SMALL),
    "llama-8b": ("LlamaForCausalLM", "llama", LLAMA_8B),
    "gpt2": ("GPT2LMHeadModel", "gpt2", {}),  # tied, and a dropout between the embeddings and the blocks
    "bloom": ("BloomForCausalLM", "bloom", {"hidden_size": 64, "n_layer": 3, "n_head": 4, "vocab_size": 199}),
    "opt-350m": (
        "OPTForCausalLM",
        "opt",
        {"hidden_size": 1024, "word_embed_proj_dim": 512, "num_attention_heads": 16, "do_layer_norm_before": False},
    ),
    "falcon": ("FalconForCausalLM", "falcon", {}),
    "qwen2": ("Qwen2ForCausalLM", "qwen2", {**SMALL, "tie_word_embeddings": True}),
    "gemma-2b": ("GemmaForCausalLM", "gemma", GEMMA_2B),
    "mixtral-8x7b": ("MixtralForCausalLM", "mixtral", {}),
    "mamba": ("MambaForCausalLM", "mamba", {"hidden_size": 32, "num_hidden_layers": 3, "vocab_size": 99}),
    "t5": ("T5ForConditionalGeneration", "t5", {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 3, "vocab_size": 99}),
    "t5-large": ("T5ForConditionalGeneration", "t5", {"d_model": 1024, "d_ff": 4096, "num_layers": 24, "num_heads": 16}),
    "bart": ("BartForConditionalGeneration", "bart", SEQ2SEQ),  # a buffer of the whole model
    "whisper": ("WhisperForConditionalGeneration", "whisper", SEQ2SEQ),
    "bert": ("BertForSequenceClassification", "bert", {}),  # embeddings that are kept whole
    "bert-mlm": ("BertForMaskedLM", "bert", SMALL),  # two pairs of tied tensors
    "distilbert": ("DistilBertForMaskedLM", "distilbert", {}),  # nothing is kept whole
    "vit": ("ViTForImageClassification", "vit", {}),
    "swin": ("SwinForImageClassification", "swin", {"embed_dim": 16, "depths": [1, 2], "num_heads": [2, 2], "window_size": 4}),
    "clip": ("CLIPModel", "clip", {"text_config": SMALL, "vision_config": VISION, "projection_dim": 16}),
    "llava": (
        "LlavaForConditionalGeneration",
        "llava",
        {"text_config": {**SMALL, "model_type": "llama"}, "vision_config": {**VISION, "model_type": "clip_vision_model"}},
    ),
    "llava-siglip": (
        "LlavaForConditionalGeneration",
        "llava",
        {"text_config": {**SMALL, "model_type": "qwen2"}, "vision_config": {**VISION, "model_type": "siglip_vision_model"}},
    ),
}
APART: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    # where accelerate is not followed
    "gpt-neo": (
        "GPTNeoForCausalLM",
        "gpt_neo",
        {"hidden_size": 32, "num_layers": 4, "num_heads": 4, "vocab_size": 99, "attention_types": [[["global", "local"], 2]]},
    ),
    "rag": (
        "RagTokenForGeneration",
        "rag",
        {
            "question_encoder": {"model_type": "dpr", **{key: SMALL[key] for key in list(SMALL)[:3]}},
            "generator": {"model_type": "bart", **SEQ2SEQ},
        },
    ),
}
SPLITS = 40


class Built:
    """One model on the meta device, and what memscan makes of its checkpoint, which holds its tensors in order of their names."""

    def __init__(self, name: str, dtype: str = "float32", stored: str = "F32") -> None:
        import torch
        import transformers

        declared, model_type, values = {**MODELS, **APART}[name]
        config = transformers.AutoConfig.for_model(model_type, **values)
        with torch.device("meta"):
            self.real = getattr(transformers, declared)._from_config(config, dtype=getattr(torch, dtype))
        tied = set(self.real.all_tied_weights_keys)
        saved = sorted((key, value) for key, value in self.real.state_dict().items() if key not in tied)
        tensors = [tensor(key, value.shape, stored if value.is_floating_point() else "I64") for key, value in saved]
        made = model(tensors, config={**config.to_dict(), "architectures": [declared], "model_type": model_type})
        assert made.config is not None
        self.config: Config = made.config
        self.scope: Scope = scopes(made).by_name[DECLARED]

    @property
    def nbytes(self) -> int:
        return sum(each.numel() * each.element_size() for each in (*self.real.parameters(), *self.real.buffers()))

    def accelerates(self, memory: Mapping[int | str, int]) -> Mapping[str, int | str] | None:
        """accelerate's map; None where it fails, as it does where a tensor that is tied was split off by itself."""
        from accelerate.utils import infer_auto_device_map

        try:
            return dict(infer_auto_device_map(self.real, dict(memory), no_split_module_classes=list(self.real._no_split_modules)))
        except IndexError:
            return None

    def check(self, found: Mapping[str, int | str]) -> None:
        """A map that covers the model and names nothing that is not there."""
        from accelerate.utils.modeling import check_device_map

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of parameters that are placed by themselves, as accelerate's own are
            check_device_map(self.real, dict(found))
        names = {name for name, _ in self.real.named_modules(remove_duplicate=False)}
        names |= {name for name, _ in self.real.named_parameters(remove_duplicate=False)}
        names |= {name for name, _ in self.real.named_buffers(remove_duplicate=False)}
        assert found.keys() <= names
        assert json.loads(json.dumps(found)) == found


built = cache(Built)


def memories(nbytes: int, seed: str) -> Iterator[Mapping[int | str, int]]:
    """No GPU to three, more or less than the model takes, with and without the processor and the disk."""
    rng = random.Random(seed)
    for _ in range(SPLITS):
        memory: dict[int | str, int] = {gpu: int(nbytes * rng.uniform(0.01, 0.9)) for gpu in range(rng.randint(0, 3))}
        if not memory or rng.random() < 0.8:
            memory["cpu"] = int(nbytes * rng.uniform(0.02, 1.2))
        if rng.random() < 0.2:
            memory["disk"] = nbytes
        yield memory


class TestAccelerate:
    """`infer_auto_device_map` of accelerate on the model itself."""

    pytestmark = torch_only

    @pytest.mark.parametrize("name", MODELS)
    def test_the_map_is_accelerates(self, name: str) -> None:
        one = built(name)
        assert one.scope.nbytes == one.nbytes
        assert device_map_note(one.scope, one.config) is None
        failed = 0
        for memory in memories(one.nbytes, name):
            ours, real = device_map(one.scope, memory, config=one.config), one.accelerates(memory)
            one.check(ours)
            failed += real is None
            assert real is None or ours == real, memory
        # BERT's bias of the head is a tensor of a module that is split: accelerate looks for it in a module, and fails.
        assert failed == 0 or name == "bert-mlm"

    @pytest.mark.parametrize("name", ["llama-8b", "gpt2", "bloom", "mixtral-8x7b", "vit", "clip", "distilbert"])
    def test_so_it_is_after_a_cast(self, name: str) -> None:
        one = Built(name, dtype="bfloat16", stored="F32")
        for memory in memories(one.nbytes, name):
            ours = device_map(one.scope, memory, dtype="bf16", config=one.config)
            assert ours == device_map(one.scope, memory, dtype="bfloat16", config=one.config)
            assert ours == one.accelerates(memory)

    @pytest.mark.parametrize("name", ["llava", "llava-siglip"])
    def test_without_the_config_it_is_valid_all_the_same(self, name: str) -> None:
        one = built(name)
        note = device_map_note(one.scope)
        assert note is not None
        assert note.startswith("the modules of the class at model.vision_tower, model.language_model are not known")
        for memory in memories(one.nbytes, name):
            one.check(device_map(one.scope, memory))

    def test_a_boolean_takes_a_byte_here_and_a_bit_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """GPT-Neo keeps a mask in each block: with the bytes that torch says, accelerate's map is ours."""
        import torch
        from accelerate.utils import modeling

        one = built("gpt-neo")
        given = list(memories(one.nbytes, "masks"))
        ours = [device_map(one.scope, memory, config=one.config) for memory in given]
        assert ours != [one.accelerates(memory) for memory in given]
        monkeypatch.setattr(modeling, "dtype_byte_size", lambda dtype: torch.empty((), dtype=dtype).element_size())
        assert ours == [one.accelerates(memory) for memory in given]

    def test_a_buffer_that_is_saved_has_a_device_though_accelerate_forgets_it(self) -> None:
        """Of a module that is split, accelerate places the parameters and the modules; its own check then refuses the map."""
        one = built("rag")
        forgotten = "rag.generator.final_logits_bias"
        for memory in memories(one.nbytes, "rag"):
            ours, real = dict(device_map(one.scope, memory, config=one.config)), one.accelerates(memory)
            one.check(ours)
            if ours != real:
                assert real is not None
                with pytest.raises(ValueError, match=forgotten):
                    one.check(real)
                ours.pop(forgotten)
                assert ours == real

    def test_a_class_that_is_not_known_is_split_by_the_names_of_its_blocks(self) -> None:
        one = built("llama")
        alone = scopes(model([each for each in one.scope.tensors if not each.name.endswith("inv_freq")])).by_name[CHECKPOINT]
        note = device_map_note(alone)
        assert note is not None
        assert "not one of transformers that memscan knows" in note
        for memory in memories(one.nbytes, "alone"):
            found = device_map(alone, memory)
            one.check(found)
            assert not any(".layers." in key and key.count(".") > 2 for key in found)


def llama(layers: int = 4, *, tied: bool = False) -> Scope:
    """Embeddings of 800 bytes, blocks of 96, a norm of 32 and a head of 800, beside rotary frequencies of 16."""
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": layers,
        "intermediate_size": 2, "num_attention_heads": 2, "vocab_size": 25, "tie_word_embeddings": tied,
    }  # fmt: skip
    tensors = [tensor("model.embed_tokens.weight", (25, 8)), tensor("model.norm.weight", (8,))]
    for layer in range(layers):
        for name, shape in (
            ("self_attn.q_proj", (8, 8)), ("self_attn.k_proj", (8, 8)), ("self_attn.v_proj", (8, 8)),
            ("self_attn.o_proj", (8, 8)),
            ("mlp.gate_proj", (2, 8)), ("mlp.up_proj", (2, 8)), ("mlp.down_proj", (8, 2)),
            ("input_layernorm", (8,)), ("post_attention_layernorm", (8,)),
        ):  # fmt: skip
            tensors.append(tensor(f"model.layers.{layer}.{name}.weight", shape))
    tensors += [] if tied else [tensor("lm_head.weight", (25, 8))]
    return scopes(model(sorted(tensors, key=lambda one: one.name), config=config)).by_name[DECLARED]


EMBEDDING, BLOCK, NORM, ROTARY = 800, 4 * 256 + 3 * 64 + 2 * 32, 32, 16


class TestMap:
    """The rules, one by one, on a model whose bytes are known by heart."""

    def test_what_fits_one_device_is_one_key(self) -> None:
        scope = llama()
        assert scope.nbytes == 2 * EMBEDDING + 4 * BLOCK + NORM + ROTARY
        assert device_map(scope, {1: 2 * scope.nbytes}) == {"": 1}
        assert device_map(scope, {"cpu": 2 * scope.nbytes}) == {"": "cpu"}

    def test_the_first_device_keeps_room_for_the_largest_block(self) -> None:
        scope = llama()
        exactly = EMBEDDING + 2 * BLOCK + BLOCK
        found = device_map(scope, {0: exactly, 1: scope.nbytes})
        assert {key: device for key, device in found.items() if device == 0} == {
            "model.embed_tokens": 0, "model.layers.0": 0, "model.layers.1": 0,
        }  # fmt: skip
        less = device_map(scope, {0: exactly - 1, 1: scope.nbytes})
        assert [key for key, device in less.items() if device == 0] == ["model.embed_tokens", "model.layers.0"]

    def test_the_next_devices_are_filled_to_the_brim(self) -> None:
        scope = llama()
        found = device_map(scope, {0: 0, 1: EMBEDDING + 3 * BLOCK, "cpu": 0})
        assert [key for key, device in found.items() if device == 1] == [
            "model.embed_tokens", "model.layers.0", "model.layers.1", "model.layers.2",
        ]  # fmt: skip
        assert {device for key, device in found.items() if device != 1} == {"disk"}

    def test_keys_are_in_the_order_of_the_class_whatever_the_order_of_the_checkpoint(self) -> None:
        keys = list(device_map(llama(12), {0: EMBEDDING + 4 * BLOCK, 1: 3 * BLOCK}))
        assert keys == ["model.embed_tokens", *(f"model.layers.{layer}" for layer in range(12)), *keys[13:]]
        assert keys[13:] == ["model.norm", "model.rotary_emb", "lm_head"]
        numbers = [int(key.rpartition(".")[2]) for key in keys if ".layers." in key]
        assert all(one < other for one, other in pairwise(numbers))

    def test_tied_weights_stay_together_and_count_once(self) -> None:
        scope = llama(tied=True)
        found = device_map(scope, {0: EMBEDDING + 2 * BLOCK, 1: scope.nbytes})
        assert (found["model.embed_tokens"], found["lm_head"], found["model.layers.0"]) == (0, 0, 0)
        assert found["model.layers.1"] == 1

    def test_a_cast_makes_room(self) -> None:
        scope = llama()
        memory = {0: EMBEDDING + 2 * BLOCK, 1: scope.nbytes}
        assert device_map(scope, memory)["model.layers.1"] == 1
        # Twice as much fits, so that all blocks are together.
        assert device_map(scope, memory, dtype="float16")["model.layers"] == 0

    def test_devices_are_filled_in_the_order_of_their_numbers(self) -> None:
        scope = llama()
        memory = {2: scope.nbytes, 0: EMBEDDING + 2 * BLOCK, "cpu": 0}
        assert next(iter(device_map(scope, memory).values())) == 0
        assert device_map(scope, memory) == device_map(scope, dict(reversed(memory.items())))

    @pytest.mark.parametrize("dtype", ["bnb-nf4", "float17", ""])
    def test_what_is_no_cast_is_refused(self, dtype: str) -> None:
        with pytest.raises(UsageError, match=r"no device map for '.*': expected one of float64, float32, "):
            device_map(llama(), {0: 10**9}, dtype=dtype)

    def test_what_is_not_known_has_no_map(self) -> None:
        packed = {"quant_method": "nobody's"}
        scope = scopes(model([tensor("a.b", (3,), "U8")], config={"quantization_config": packed})).by_name[CHECKPOINT]
        with pytest.raises(UsageError, match="no device map, for what the checkpoint holds is not known: "):
            device_map(scope, {0: 10**9})
        with pytest.raises(UsageError, match="no device map, for there is no tensor to place"):
            device_map(scopes(model([])).by_name[CHECKPOINT], {0: 10**9})

    def test_names_from_strangers_are_bounded(self) -> None:
        scope = scopes(model([tensor("a." * 100 + "w", (3,))])).by_name[CHECKPOINT]
        with pytest.raises(FormatError, match="is in more than 64 modules inside each other"):
            device_map(scope, {0: 10**9})

    def test_a_hundred_thousand_modules_of_falling_size_take_no_time_to_speak_of(self) -> None:
        tensors = [tensor(f"m{number:06}.weight", (200_000 - number,)) for number in range(20_000)]
        scope = scopes(model(tensors)).by_name[CHECKPOINT]
        found = device_map(scope, {0: scope.nbytes // 2, 1: scope.nbytes // 4, "cpu": scope.nbytes // 8})
        assert set(found.values()) == {0, 1, "cpu", "disk"}
