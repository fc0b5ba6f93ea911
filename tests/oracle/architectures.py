"""The sample of architectures for the tests, made with the means of tools/oracle: ``python tests/oracle/architectures.py OUT``.

A program of its own, because it forks workers, and a process that has threads must not.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"

SAMPLE: Mapping[str, tuple[str, ...]] = {
    "encoder-decoders, tied tensors stored once": (
        "t5/T5ForConditionalGeneration/plain", "longt5/LongT5ForConditionalGeneration/plain",
        "bart/BartForConditionalGeneration/plain", "mbart/MBartForConditionalGeneration/plain", "marian/MarianMTModel/plain",
        "pegasus/PegasusForConditionalGeneration/flipped", "whisper/WhisperForConditionalGeneration/plain",
        "fsmt/FSMTForConditionalGeneration/plain",
    ),
    "tied tensors stored twice": (
        "t5/T5ForConditionalGeneration/twice", "led/LEDForConditionalGeneration/twice",
        "m2m_100/M2M100ForConditionalGeneration/twice",
        "bert/BertLMHeadModel/twice", "gpt2/GPT2LMHeadModel/twice", "gemma2/Gemma2ForCausalLM/twice",
        "mamba/MambaForCausalLM/twice",
    ),
    "encoders": (
        "bert/BertForMaskedLM/plain", "albert/AlbertForPreTraining/plain", "distilbert/DistilBertForMaskedLM/flipped",
        "electra/ElectraForMaskedLM/plain", "deberta-v2/DebertaV2ForMaskedLM/plain", "modernbert/ModernBertForMaskedLM/plain",
        "xlm/XLMWithLMHeadModel/plain",
    ),
    "decoders": (
        "gpt_neox/GPTNeoXForCausalLM/plain", "gptj/GPTJForCausalLM/flipped", "opt/OPTForCausalLM/plain",
        "bloom/BloomForCausalLM/plain",
        "falcon/FalconForCausalLM/plain", "llama/LlamaForCausalLM/plain", "mistral/MistralForCausalLM/flipped",
        "gemma3_text/Gemma3ForCausalLM/plain", "phi3/Phi3ForCausalLM/plain", "qwen2/Qwen2ForCausalLM/flipped",
        "qwen3/Qwen3ForCausalLM/plain", "cohere/CohereForCausalLM/plain",
    ),
    "mixtures of experts, an expert a tensor": (
        "mixtral/MixtralForCausalLM/plain", "qwen3_moe/Qwen3MoeForCausalLM/plain", "deepseek_v3/DeepseekV3ForCausalLM/plain",
        "olmoe/OlmoeForCausalLM/plain", "phimoe/PhimoeForCausalLM/flipped", "glm4_moe/Glm4MoeForCausalLM/plain",
    ),
    "mixtures of experts, fused": (
        "mixtral/MixtralForCausalLM/fused", "qwen2_moe/Qwen2MoeForCausalLM/fused", "granitemoe/GraniteMoeForCausalLM/fused",
        "gpt_oss/GptOssForCausalLM/plain", "dbrx/DbrxForCausalLM/plain", "jamba/JambaForCausalLM/fused",
    ),
    "state spaces and recurrences": (
        "mamba/MambaForCausalLM/plain", "falcon_mamba/FalconMambaForCausalLM/flipped", "rwkv/RwkvForCausalLM/plain",
        "bamba/BambaForCausalLM/plain", "lfm2/Lfm2ForCausalLM/plain", "qwen3_next/Qwen3NextForCausalLM/plain",
    ),
    "vision": (
        "vit/ViTForImageClassification/plain", "vit/ViTForImageClassification/fused", "deit/DeiTForImageClassification/plain",
        "swin/SwinForImageClassification/plain", "convnext/ConvNextForImageClassification/flipped",
        "resnet/ResNetForImageClassification/plain", "dinov2/Dinov2ForImageClassification/plain",
        "segformer/SegformerForSemanticSegmentation/plain", "detr/DetrForObjectDetection/plain",
    ),
    "audio": (
        "audio-spectrogram-transformer/ASTForAudioClassification/plain", "encodec/EncodecModel/plain", "clap/ClapModel/plain",
        "whisper/WhisperForAudioClassification/plain",
    ),
    "several modalities": (
        "clip/CLIPModel/plain", "llava/LlavaForConditionalGeneration/plain", "llava/LlavaForConditionalGeneration/fused",
        "qwen2_vl/Qwen2VLForConditionalGeneration/plain", "qwen2_5_vl/Qwen2_5_VLForConditionalGeneration/plain",
        "gemma3/Gemma3ForConditionalGeneration/plain", "paligemma/PaliGemmaForConditionalGeneration/flipped",
        "idefics3/Idefics3ForConditionalGeneration/plain", "mllama/MllamaForConditionalGeneration/plain",
        "flava/FlavaModel/plain",
    ),
    "saved from one class, loaded as another": (
        "bert/BertForMaskedLM/from-BertLMHeadModel", "bert/BertModel/from-BertLMHeadModel",
        "roberta/RobertaModel/from-RobertaForCausalLM", "albert/AlbertModel/from-AlbertForPreTraining",
        "t5/T5EncoderModel/from-T5ForConditionalGeneration", "bart/BartForConditionalGeneration/from-BartForCausalLM",
        "llama/LlamaForCausalLM/from-LlamaModel", "llama/LlamaForSequenceClassification/from-LlamaForCausalLM",
        "mixtral/MixtralModel/from-MixtralForCausalLM", "vit/ViTForMaskedImageModeling/from-ViTForImageClassification",
        "llava/LlavaModel/from-LlavaForConditionalGeneration",
    ),
}  # fmt: skip
"""Places of cases below OUT: the model type, the class that loads, and the variant (tools/oracle/cases.py has them all)."""


def main(out: Path) -> None:
    """Build, save and load all of the sample below `out`."""
    sys.path.insert(0, str(TOOLS / "oracle"))
    from truth import silence

    silence()
    from cases import Case
    from declared import installed
    from workers import run

    installed()
    batches: dict[str, list[Case]] = {}
    for place in (place for places in SAMPLE.values() for place in places):
        model_type, loaded, variant = place.split("/")
        saved = variant.removeprefix("from-") if variant.startswith("from-") else loaded
        batches.setdefault(model_type, []).append(Case(model_type=model_type, loaded=loaded, variant=variant, saved=saved))
    for _ in run(batches.values(), out, 2):
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
