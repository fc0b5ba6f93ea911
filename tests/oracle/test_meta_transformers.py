"""Models built on the meta device against the same models loaded on the processor by `from_pretrained`.

Names, shapes, dtypes and bytes have to be those of the loaded model's parameters and of all its buffers.
"""

import json
from pathlib import Path

import pytest
import torch
import transformers
from tests.field_configs import GPT2, MOE, SEQ2SEQ, SMALL, T5, VISION

from memscan.checkpoint import Checkpoint
from memscan.dtype import SAFETENSORS
from memscan.meta import build

pytestmark = [
    pytest.mark.torch,
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own notices
]

AUDIO = {
    **SMALL, "conv_dim": [16, 16], "conv_stride": [5, 2], "conv_kernel": [10, 3], "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
LATENT = {
    **SMALL, "num_key_value_heads": 4, "moe_intermediate_size": 16, "n_routed_experts": 4, "n_shared_experts": 1,
    "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "v_head_dim": 8, "n_group": 2,
    "topk_group": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1,
}  # fmt: skip

MODELS: dict[str, tuple[str, dict[str, object]]] = {
    # class: (model type, config)
    "BertForMaskedLM": ("bert", SMALL),
    "BertForPreTraining": ("bert", SMALL),
    "BertForSequenceClassification": ("bert", {**SMALL, "num_labels": 7}),
    "BertModel": ("bert", SMALL),
    "RobertaForMaskedLM": ("roberta", SMALL),
    "XLMRobertaForTokenClassification": ("xlm-roberta", SMALL),
    "DistilBertForMaskedLM": ("distilbert", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "vocab_size": 99}),
    "ElectraForPreTraining": ("electra", {**SMALL, "embedding_size": 16}),
    "AlbertForMaskedLM": ("albert", {**SMALL, "embedding_size": 16}),
    "DebertaV2Model": ("deberta-v2", {**SMALL, "relative_attention": True, "position_biased_input": False}),
    "ModernBertForMaskedLM": ("modernbert", SMALL),
    "GPT2LMHeadModel": ("gpt2", GPT2),
    "GPTNeoXForCausalLM": ("gpt_neox", SMALL),
    "BloomForCausalLM": ("bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 99}),
    "FalconForCausalLM": ("falcon", {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 99}),
    "OPTForCausalLM": ("opt", {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 16}),
    "LlamaForCausalLM": ("llama", SMALL),
    "MistralForCausalLM": ("mistral", SMALL),
    "Qwen2ForCausalLM": ("qwen2", {**SMALL, "tie_word_embeddings": True}),
    "Qwen3ForCausalLM": ("qwen3", SMALL),
    "GemmaForCausalLM": ("gemma", SMALL),
    "Gemma2ForCausalLM": ("gemma2", SMALL),
    "PhiForCausalLM": ("phi", {**SMALL, "num_key_value_heads": 4}),
    "MixtralForCausalLM": ("mixtral", MOE),
    "Qwen3MoeForCausalLM": ("qwen3_moe", MOE),
    "GptOssForCausalLM": ("gpt_oss", MOE),
    "DeepseekV3ForCausalLM": ("deepseek_v3", LATENT),
    "MambaForCausalLM": ("mamba", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4, "vocab_size": 99}),
    "T5ForConditionalGeneration": ("t5", T5),
    "T5EncoderModel": ("t5", T5),
    "MT5ForConditionalGeneration": ("mt5", {**T5, "tie_word_embeddings": False}),
    "BartForConditionalGeneration": ("bart", SEQ2SEQ),
    "MarianMTModel": ("marian", SEQ2SEQ),
    "PegasusForConditionalGeneration": ("pegasus", SEQ2SEQ),
    "WhisperForConditionalGeneration": (
        "whisper",
        {**SEQ2SEQ, "num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 20, "suppress_tokens": None,
         "begin_suppress_tokens": None},
    ),
    "Wav2Vec2ForCTC": ("wav2vec2", AUDIO),
    "ViTForImageClassification": ("vit", VISION),
    "Dinov2Model": ("dinov2", VISION),
    "SwinForImageClassification": (
        "swin",
        {"embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2], "image_size": 32, "window_size": 4},
    ),
    "ResNetForImageClassification": ("resnet", {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}),
    "ConvNextModel": ("convnext", {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2}),
    "SegformerForSemanticSegmentation": (
        "segformer",
        {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 16},
    ),
    "CLIPModel": ("clip", {"text_config": SMALL, "vision_config": VISION, "projection_dim": 16}),
    "SiglipModel": ("siglip", {"text_config": SMALL, "vision_config": VISION}),
    "LlavaForConditionalGeneration": (
        "llava",
        {"text_config": {**SMALL, "model_type": "llama"}, "vision_config": {**VISION, "model_type": "clip_vision_model"},
         "image_token_index": 98},
    ),
}  # fmt: skip


def config_of(declared: str, dtype: str = "float32", **more: object) -> bytes:
    """The config.json that a small model of that class is saved with."""
    model_type, values = MODELS[declared]
    config = transformers.AutoConfig.for_model(model_type, **{**values, **more})
    return json.dumps({**config.to_dict(), "architectures": [declared], "dtype": dtype}, default=str).encode()


def loaded(declared: str, config: bytes, folder: Path) -> "torch.nn.Module":
    """The model as a user gets it: saved once, and loaded."""
    (folder / "config.json").write_bytes(config)
    kind = getattr(transformers, declared)
    kind._from_config(transformers.AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    return kind.from_pretrained(folder)


def compare(ours: Checkpoint, real: "torch.nn.Module") -> None:
    """Everything that `real` holds, once and under its first name, with the dtypes it is held in."""
    from safetensors.torch import _TYPES

    dtypes = {torch_dtype: SAFETENSORS[name] for name, torch_dtype in _TYPES.items()}
    for buffer, held in ((False, dict(real.named_parameters())), (True, dict(real.named_buffers()))):
        found = {each.name: each for each in ours.tensors if each.buffer is buffer}
        assert found.keys() == held.keys()
        assert {name: found[name].shape for name in held} == {name: tuple(each.shape) for name, each in held.items()}
        assert {name: found[name].dtype for name in held} == {name: dtypes[each.dtype] for name, each in held.items()}
        assert sum(each.nbytes for each in found.values()) == sum(each.nbytes for each in held.values())
    transient = {name for name, _ in real.named_non_persistent_buffers()}
    names = {each.name for each in (*ours.tensors, *ours.tied)}
    assert names - transient == real.state_dict().keys()
    assert not {each.name for each in ours.tensors} & {each.name for each in ours.tied}


@pytest.mark.parametrize("declared", MODELS)
def test_a_model_agrees_with_the_loaded_one(declared: str, tmp_path: Path) -> None:
    config = config_of(declared)
    ours = build(library="transformers", config=config)
    assert (ours.format, ours.shards, [note.code for note in ours.notes]) == ("meta", (), ["built-on-meta"])
    assert all(each.offset == 0 for each in ours.tensors)
    compare(ours, loaded(declared, config, tmp_path))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "declared",
    ["BertForMaskedLM", "T5ForConditionalGeneration", "LlamaForCausalLM", "MixtralForCausalLM", "DeepseekV3ForCausalLM",
     "MambaForCausalLM", "Wav2Vec2ForCTC", "ResNetForImageClassification", "LlavaForConditionalGeneration"],
)  # fmt: skip
def test_a_model_in_half_precision_keeps_what_loading_keeps(declared: str, dtype: str, tmp_path: Path) -> None:
    config = config_of(declared, dtype)
    compare(build(library="transformers", config=config), loaded(declared, config, tmp_path))


@pytest.mark.parametrize(
    ("declared", "tied"),
    [
        ("GPT2LMHeadModel", {"lm_head.weight"}),
        ("Qwen2ForCausalLM", {"lm_head.weight"}),
        ("LlamaForCausalLM", set()),
        ("BertForMaskedLM", {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}),
        ("T5ForConditionalGeneration", {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"}),
    ],
)
def test_tied_tensors_are_listed_and_not_counted(declared: str, tied: set[str]) -> None:
    ours = build(library="transformers", config=config_of(declared))
    assert {each.name for each in ours.tied} == tied
    owners = {each.name: each for each in ours.tensors if each.storage}
    assert {each.storage for each in ours.tied} == owners.keys()
    assert all(each.nbytes == owners[each.storage].nbytes for each in ours.tied)


@pytest.mark.parametrize("model_type", ["bert", "t5", "gpt2", "llama", "vit", "clip", "whisper"])
def test_without_a_declared_class_it_is_that_of_automodel(model_type: str) -> None:
    config = transformers.AutoConfig.for_model(model_type)
    with torch.device("meta"):
        real = transformers.AutoModel.from_config(config)
    ours = build(library="transformers", config=json.dumps({"model_type": model_type}).encode())
    assert sum(each.nbytes for each in ours.tensors) == sum(each.nbytes for each in (*real.parameters(), *real.buffers()))
    assert type(real).__name__ in ours.notes[0].message
