"""The architectures of ``--sample``: one of each way in which checkpoints and classes differ."""

from collections.abc import Mapping

# Of each type the first class and the base model are made, in all variants, and saved from one class and loaded as another.
SAMPLE: Mapping[str, str] = {
    "encoder-decoders, tied and not": (
        "t5 umt5 longt5 bart mbart marian pegasus led m2m_100 prophetnet fsmt whisper speecht5 switch_transformers "
        "nllb-moe encoder-decoder vision-encoder-decoder t5gemma"
    ),
    "encoders": (
        "bert roberta albert distilbert electra deberta deberta-v2 mpnet xlnet funnel modernbert reformer squeezebert "
        "dpr tapas esm"
    ),
    "decoders": (
        "gpt2 gpt_neo gpt_neox gptj opt bloom falcon llama mistral gemma gemma2 gemma3_text phi phi3 qwen2 qwen3 cohere "
        "olmo2 starcoder2 stablelm smollm3 codegen ctrl xlm openai-gpt"
    ),
    "mixtures of experts": (
        "mixtral qwen2_moe qwen3_moe deepseek_v2 deepseek_v3 gpt_oss dbrx granitemoe phimoe olmoe jamba llama4_text "
        "glm4_moe ernie4_5_moe"
    ),
    "state spaces and recurrences": "mamba mamba2 falcon_mamba rwkv recurrent_gemma bamba zamba2 qwen3_next lfm2",
    "vision": (
        "vit deit beit swin swinv2 convnext resnet regnet dinov2 segformer detr mask2former sam vit_mae mobilevit "
        "efficientnet levit pvt yolos dpt upernet"
    ),
    "audio": "wav2vec2 hubert wavlm sew audio-spectrogram-transformer encodec clap musicgen vits univnet",
    "several modalities": (
        "clip siglip blip blip-2 llava llava_next qwen2_vl qwen2_5_vl qwen3_vl gemma3 gemma3n gemma4 idefics3 paligemma "
        "mllama llama4 internvl mistral3 layoutlm layoutlmv3 vilt flava owlvit qwen2_audio kosmos-2"
    ),
}


def sampled_types() -> list[str]:
    """Model types, in the order of the table."""
    return [model_type for types in SAMPLE.values() for model_type in types.split()]
