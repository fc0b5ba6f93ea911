"""The door of the room with real libraries: known numbers, no memory, quiet, and one line for whatever is wrong."""

import contextlib
import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memscan.checkpoint import Checkpoint
from memscan.errors import FormatError, MemscanError, TargetError
from memscan.meta import build
from memscan.meta.device import meta_device
from tests.hub import FIXTURES

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]

BERT = {
    "model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2,
    "intermediate_size": 48, "vocab_size": 99,
}  # fmt: skip
GIB = 2**30


def built(library="transformers", **config) -> Checkpoint:
    return build(library=library, config=json.dumps(config).encode())


def fixture(name: str) -> Checkpoint:
    return build(library="transformers", config=(FIXTURES / name / "config.json").read_bytes())


def parameters(checkpoint: Checkpoint) -> tuple[int, int]:
    """How many, and their bytes."""
    counted = [each for each in checkpoint.tensors if not each.buffer]
    return sum(each.elements for each in counted), sum(each.nbytes for each in counted)


def buffer_bytes(checkpoint: Checkpoint) -> int:
    return sum(each.nbytes for each in checkpoint.tensors if each.buffer)


class TestKnownModels:
    @pytest.mark.parametrize(
        ("name", "elements", "nbytes", "buffers"),
        [
            ("google-bert/bert-base-cased", 108_340_804, 433_363_216, 8_192),
            ("google-t5/t5-small", 60_506_624, 242_026_496, 0),
            ("openai-community/gpt2", 124_439_808, 497_759_232, 0),
            ("Qwen/Qwen2.5-0.5B", 494_032_768, 988_065_536, 256),
            ("Qwen/Qwen3-30B-A3B", 30_532_122_624, 61_064_245_248, 512),
            ("meta-llama/Llama-3.1-8B", 8_030_261_248, 16_060_522_496, 512),
            ("mistralai/Mixtral-8x7B-v0.1", 46_702_792_704, 93_405_585_408, 512),
        ],
    )
    def test_parameters_and_buffers(self, name, elements, nbytes, buffers):
        checkpoint = fixture(name)
        assert parameters(checkpoint) == (elements, nbytes)
        assert buffer_bytes(checkpoint) == buffers

    def test_the_class_of_automodel_counts_a_shared_embedding_once(self):
        config = json.loads((FIXTURES / "google-t5/t5-small/config.json").read_bytes())
        checkpoint = built(**{**config, "architectures": ["T5Model"]})
        assert checkpoint.nbytes == 242_026_496
        assert {each.name for each in checkpoint.tied} == {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}

    def test_a_quantized_model_is_built_whole_and_says_so(self):
        checkpoint = fixture("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16")
        assert parameters(checkpoint) == (8_030_261_248, 16_060_522_496)
        assert [note.code for note in checkpoint.notes] == ["built-on-meta", "built-dequantized"]

    def test_a_model_of_eight_billion_takes_no_memory(self):
        config = FIXTURES / "meta-llama/Llama-3.1-8B/config.json"
        program = (
            "import resource, sys\nfrom pathlib import Path\nfrom memscan.meta import build\n"
            f"built = build(library='transformers', config=Path({str(config)!r}).read_bytes())\n"
            # Linux hands ru_maxrss on to a child, and the tests themselves are larger than this program may be.
            "status = Path('/proc/self/status')\n"
            "lines = status.read_text().splitlines() if status.exists() else []\n"
            "own = [int(line.split()[1]) * 1024 for line in lines if line.startswith('VmHWM')]\n"
            "unit = 1 if sys.platform == 'darwin' else 1024\n"
            "peak = own[0] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit\n"
            "print(peak, sum(each.elements for each in built.tensors if not each.buffer))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        peak, elements = map(int, done.stdout.split())
        assert elements == 8_030_261_248
        assert peak < 1.5 * GIB
        assert done.stderr == ""


class TestManners:
    def test_the_terminal_stays_clean(self, capfd):
        built(**BERT, unknown_key=1, torch_dtype="float16")
        built(model_type="t5", d_model=32, d_ff=8, num_layers=1, feed_forward_proj="gated-gelu", architectures=["Nope"])
        assert capfd.readouterr() == ("", "")

    def test_the_process_is_left_as_it_was(self):
        import logging
        import warnings

        import torch

        before = torch.get_default_dtype(), torch.linspace, logging.root.manager.disable, sys.stdout, list(warnings.filters)
        built(**BERT, dtype="bfloat16")
        with pytest.raises(TargetError):
            built(**{**BERT, "hidden_size": -1})
        assert before == (
            torch.get_default_dtype(), torch.linspace, logging.root.manager.disable, sys.stdout, list(warnings.filters)
        )  # fmt: skip
        assert torch.empty(1).device.type == "cpu"

    def test_nothing_is_asked_of_a_server(self, hub):
        built(**BERT)
        built(model_type="vit")
        with pytest.raises(TargetError):
            built(model_type="no-such-type")
        assert hub.requests == ()

    def test_models_built_at_once_do_not_meet(self):
        from concurrent.futures import ThreadPoolExecutor

        dtypes = ["float32", "float16", "bfloat16", "float32"] * 3
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda dtype: built(**BERT, dtype=dtype), dtypes))
        sizes = {dtype: parameters(checkpoint)[1] for dtype, checkpoint in zip(dtypes, done, strict=True)}
        assert [parameters(checkpoint)[1] for checkpoint in done] == [sizes[dtype] for dtype in dtypes]
        assert sizes["float32"] == 2 * sizes["float16"] == 2 * sizes["bfloat16"]


class TestDtypes:
    @pytest.mark.parametrize(
        ("config", "dtype"),
        [
            ({}, "F32"), ({"dtype": "float16"}, "F16"), ({"torch_dtype": "bfloat16"}, "BF16"), ({"dtype": None}, "F32"),
            ({"dtype": "float64"}, "F64"),
        ],
    )  # fmt: skip
    def test_the_config_says_which(self, config, dtype):
        checkpoint = built(**BERT, **config)
        assert {each.dtype.name for each in checkpoint.tensors if not each.buffer} == {dtype}
        assert {each.dtype.name for each in checkpoint.tensors if each.buffer} == {"I64"}

    def test_a_multimodal_config_may_say_it_of_its_text_alone(self):
        text = {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "vocab_size": 99}
        checkpoint = built(model_type="llava", text_config={**text, "torch_dtype": "bfloat16"})
        assert {each.dtype.name for each in checkpoint.tensors if not each.buffer} == {"BF16"}

    def test_every_dtype_of_safetensors_has_its_spelling(self):
        from safetensors.torch import _TYPES

        from memscan.dtype import SAFETENSORS
        from memscan.meta.tensors import SPELLINGS

        theirs = {str(dtype).removeprefix("torch."): name for name, dtype in _TYPES.items()}
        # Its shapes count packed elements and those of F4 logical ones, so it keeps torch's name.
        theirs.pop("float4_e2m1fn_x2", None)
        assert {**theirs, "float8_e8m0fnu": "F8_E8M0"} == SPELLINGS  # written by safetensors, and not in its table for torch
        assert set(SPELLINGS.values()) < SAFETENSORS.keys()


class TestClasses:
    @pytest.mark.parametrize("declared", ["NoSuchModel", "LlamaForCausalLM", "Adafactor", "AutoModel", "BertConfig", "__name__"])
    def test_a_class_that_does_not_fit_is_replaced_and_named(self, declared):
        checkpoint = built(**{**BERT, "architectures": [declared]})
        assert checkpoint.tensors == built(**BERT).tensors
        assert [note.code for note in checkpoint.notes] == ["built-on-meta", "another-class"]
        assert declared in checkpoint.notes[1].message

    def test_the_language_model_of_a_multimodal_config(self):
        text = {"model_type": "gemma3_text", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4,
                "num_key_value_heads": 4, "head_dim": 8, "vocab_size": 99, "intermediate_size": 48}  # fmt: skip
        checkpoint = built(model_type="gemma3", architectures=["Gemma3ForCausalLM"], text_config=text)
        assert [note.code for note in checkpoint.notes] == ["built-on-meta"]
        assert all(not each.name.startswith("vision_tower") for each in checkpoint.tensors)

    def test_the_class_that_a_pipeline_states_goes_before_the_declared_one(self):
        raw = json.dumps(BERT).encode()
        checkpoint = build(library="transformers", config=raw, class_name="BertForMaskedLM")
        assert checkpoint.tensors == built(**{**BERT, "architectures": ["BertForMaskedLM"]}).tensors != built(**BERT).tensors

    def test_an_attention_that_is_not_installed_is_not_needed(self):
        checkpoint = built(**BERT, _attn_implementation="flash_attention_2", attn_implementation="flash_attention_3")
        assert checkpoint.tensors == built(**BERT).tensors


class TestErrors:
    @pytest.mark.parametrize(
        ("config", "says"),
        [
            ({"model_type": "no-such-type"}, "names the model type 'no-such-type', which transformers .* does not know"),
            ({"hidden_size": 32}, "names no model_type"),
            ({"model_type": "encoder-decoder"}, "no class that config.json declares, and no AutoModel for 'encoder-decoder'"),
            ({**BERT, "hidden_size": "wide"}, "cannot build the model of this config.json: .*hidden_size"),
            ({**BERT, "hidden_size": -32}, "cannot build the model of this config.json: .*negative"),
            ({**BERT, "vocab_size": 10**30}, "cannot build the model of this config.json: "),
            ({**BERT, "vocab_size": 2**62}, "cannot build the model of this config.json: .*overflow"),
            ({**BERT, "dtype": "int8"}, "cannot build the model of this config.json: .*int8"),
            ({**BERT, "dtype": "purple"}, "cannot build the model of this config.json: .*purple"),
            ({**BERT, "num_attention_heads": 0}, "cannot build the model of this config.json: "),
            ({**BERT, "num_hidden_layers": 10**9}, "'num_hidden_layers' is 1000000000, which no real model has"),
            ({**BERT, "num_labels": 10**9}, "'num_labels' is 1000000000, which no real model has"),
            ({"model_type": "llava", "text_config": {"model_type": "llama", "num_hidden_layers": 10**9}}, "no real model"),
        ],
    )
    def test_whatever_is_wrong_is_one_line(self, config, says):
        with pytest.raises(TargetError, match=says) as caught:
            built(**config)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 320

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff\xfe", b"null"])
    def test_what_is_no_json_object_is_a_format_error(self, raw):
        with pytest.raises(FormatError, match=r"config\.json"):
            build(library="transformers", config=raw)

    @pytest.mark.parametrize("key", ["model_type", "architectures", "auto_map"])
    def test_a_key_of_another_type_is_a_format_error(self, key):
        with pytest.raises(FormatError, match=key):
            built(**{**BERT, key: 7})

    def test_a_model_without_end_is_stopped(self):
        import torch

        with pytest.raises(TargetError, match="more than 10 tensors"), meta_device(10):
            torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(6))
        assert len(list(torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(6)).parameters())) == 12

    words = st.one_of(
        st.none(), st.booleans(), st.integers(-3, 400), st.floats(), st.text(max_size=4), st.lists(st.integers(-3, 9), max_size=3)
    )

    @given(
        st.dictionaries(
            st.sampled_from(["hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
                             "intermediate_size", "head_dim", "dtype", "tie_word_embeddings", "rope_scaling", "pad_token_id",
                             "hidden_act", "max_position_embeddings", "sliding_window", "layer_types", "num_labels"]),
            words,
        ),
        st.sampled_from(["bert", "llama", "t5", "gpt2", "mixtral", "vit"]),
    )  # fmt: skip
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_any_config_gives_a_checkpoint_or_an_error_of_ours(self, config, model_type):
        with contextlib.suppress(MemscanError):
            assert all(each.nbytes >= 0 for each in built(**config, model_type=model_type).tensors)
