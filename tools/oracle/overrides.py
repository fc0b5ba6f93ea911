"""What the generic way of making a config small does not find out, by model type, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Override:
    """Fields that are set and stay, and why."""

    reason: str
    tree: Mapping[str, Any] = field(default_factory=dict)


LAYER_TYPES = ("full_attention", "conv", "full_attention")
OVERRIDES: Mapping[str, Override] = {
    "chameleon": Override(reason="the tokenizer's map has no default", tree={"vocabulary_map": {"<image>": 7, "IMGIMGAS": 8}}),
    "dbrx": Override(
        reason="the model reads a theta that the config class does not declare", tree={"attn_config": {"rope_theta": 10000.0}}
    ),
    "rf_detr": Override(
        reason="the default names a model type that is not in the table",
        tree={"backbone_config": {"model_type": "rf_detr_dinov2"}},
    ),
    "lfm2_moe": Override(
        reason="the types of the layers have no default", tree={"num_hidden_layers": 3, "layer_types": list(LAYER_TYPES)}
    ),
    "moonshine_streaming": Override(
        reason="the model reads a field that the config class does not declare", tree={"num_key_value_heads": 2}
    ),
    "qwen3_omni_moe_talker_text": Override(
        reason="the model reads a field that the config class does not declare", tree={"shared_expert_intermediate_size": 40}
    ),
    "perceiver": Override(
        reason="widths of the preprocessors are computed and divide by one head alone",
        tree={"num_self_attention_heads": 2, "num_cross_attention_heads": 1},
    ),
    "rag": Override(
        reason="the two models are created in the config's own way",
        tree={
            "question_encoder": {
                "model_type": "dpr",
                "vocab_size": 95,
                "hidden_size": 48,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "intermediate_size": 80,
                "max_position_embeddings": 40,
            },
            "generator": {
                "model_type": "bart",
                "vocab_size": 99,
                "d_model": 32,
                "encoder_layers": 2,
                "decoder_layers": 3,
                "encoder_ffn_dim": 56,
                "decoder_ffn_dim": 72,
                "encoder_attention_heads": 4,
                "decoder_attention_heads": 2,
                "max_position_embeddings": 44,
            },
        },
    ),
    "gemma4_assistant": Override(
        reason="the class refuses the per-layer inputs of the default text config",
        tree={"text_config": {"hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 0}},
    ),
    "ernie4_5_vl_moe_text": Override(
        reason="the sections of the rotary embedding have the width of the default head; both experts' widths derive from none",
        tree={
            "hidden_size": 64,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "moe_intermediate_size": [24, 8],
            "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0, "mrope_section": [3, 3, 2]},
        },
    ),
    "deepseek_ocr2_text": Override(
        reason="the kinds of the feed-forward layers have no default",
        tree={
            "num_hidden_layers": 3,
            "mlp_layer_types": ["dense", "sparse", "sparse"],
            "num_experts_per_tok": 2,
            "n_group": 1,
            "topk_group": 1,
        },
    ),
    "deepseek_ocr2_sam_vision_model": Override(
        reason="these widths have no default", tree={"downsample_channels": [48, 64], "mlp_dim": 80}
    ),
    "cohere_compass_text": Override(
        reason="the theta is kept by kind of layer and has no default",
        tree={"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 10000.0}}},
    ),
    "sapiens2_head": Override(
        reason="the head's layers have no default",
        tree={
            "upsample_out_channels": [24, 16],
            "upsample_kernel_sizes": [4, 4],
            "conv_out_channels": [16, 16],
            "conv_kernel_sizes": [1, 1],
            "scale_conv_out_channels": [24, 16],
            "scale_conv_kernel_sizes": [1, 1],
            "scale_final_input_size": 256,
            "scale_final_hidden_sizes": [32, 16],
        },
    ),
    "timm_backbone": Override(
        reason="the model of timm has no default",
        tree={"backbone": "resnet18", "use_pretrained_backbone": False, "out_indices": [1, 2]},
    ),
    "TimmWrapperForImageClassification": Override(
        reason="timm knows its own sizes: a small model", tree={"architecture": "resnet18"}
    ),
    "TimmWrapperModel": Override(reason="timm knows its own sizes: a small model", tree={"architecture": "resnet18"}),
    "gemma3n_vision": Override(reason="timm knows its own sizes: a small model", tree={"architecture": "mobilenetv3_small_050"}),
    "gemma3n_text": Override(
        reason="layers that share keys and values need one of each kind before them",
        tree={
            "num_hidden_layers": 4,
            "num_kv_shared_layers": 2,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        },
    ),
    "mamba2": Override(
        reason="heads times their width are the expanded width",
        tree={"hidden_size": 48, "expand": 2, "num_heads": 12, "head_dim": 8, "n_groups": 3, "state_size": 16},
    ),
    "granite4_vision": Override(
        reason="the layers that take images have no default; the widths of the former count heads of 64",
        tree={
            "deepstack_layer_map": [[0, 0], [1, 1]],
            "downsample_rate": "1/4",
            "vision_config": {"hidden_size": 64, "num_attention_heads": 4},
        },
    ),
    "t5gemma2_encoder": Override(
        reason="the text model reads fields that only the whole model's config sets",
        tree={"text_config": {"dropout_rate": 0.0}},
    ),
    "qwen3_omni_moe": Override(
        reason="the talker reads a field that its config class does not declare",
        tree={"talker_config": {"spatial_merge_size": 2}},
    ),
    "pe_video_encoder": Override(
        reason="timm knows its own sizes: a small model",
        tree={"vision_config": {"architecture": "vit_tiny_patch16_224"}},
    ),
    "BeitForSemanticSegmentation": Override(
        reason="the layers whose features are used have no default", tree={"num_hidden_layers": 4, "out_indices": [1, 2, 3, 4]}
    ),
    "BridgeTowerForContrastiveLearning": Override(
        reason="the class reads fields that the config class does not declare",
        tree={"contrastive_hidden_size": 40, "logit_scale_init_value": 2.6592},
    ),
    "pix2struct_text_model": Override(
        reason="the model reads a field that the config class does not declare", tree={"initializer_range": 0.02}
    ),
    "perception_lm": Override(
        reason="the model reads the width from timm's arguments, which have no default",
        tree={"vision_config": {"architecture": "vit_tiny_patch16_224", "model_args": {"embed_dim": 192}}},
    ),
    "fast_vlm": Override(
        reason="timm knows its own sizes: a small model", tree={"vision_config": {"architecture": "fastvit_t8"}}
    ),
    "edgetam_vision_model": Override(
        reason="the default backbone spells its architecture wrongly, and its count of labels is none",
        tree={"backbone_config": {"architecture": "repvit_m1", "num_classes": 5}},
    ),
    "dots3_note_text": Override(
        reason="the sizes of layers with a window come in by names that are not fields",
        tree={
            "num_hidden_layers": 4,
            "swa_num_attention_heads": 4,
            "swa_num_key_value_heads": 4,
            "swa_q_lora_rank": 24,
            "swa_kv_lora_rank": 16,
            "swa_head_dim": 24,
            "swa_qk_nope_head_dim": 16,
            "swa_v_head_dim": 8,
        },
    ),
    "emu3": Override(reason="the tokenizer's map has no default", tree={"vocabulary_map": {"<image>": 7}}),
    "hiera": Override(
        reason="the decoder's sizes have no default", tree={"decoder_hidden_size": 48, "decoder_depth": 2, "decoder_num_heads": 4}
    ),
    "ReformerModelWithLMHead": Override(reason="the class is a decoder alone", tree={"is_decoder": True}),
}
