"""What the names and the keys of GGUF files say: names as converters and uploaders of the Hub write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.formats.gguf_names import FILE_TYPES, GgufKeys, Role, from_keys, from_path, sets

LABELS = {
    "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf": "Q4_K_M",
    "llama-2-7b.Q5_0.gguf": "Q5_0",
    "qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf": "Q4_K_M",
    "gemma-3-27b-it-IQ4_XS.gguf": "IQ4_XS",
    "Qwen3-30B-A3B-UD-Q4_K_XL.gguf": "UD-Q4_K_XL",
    "Qwen3-30B-A3B-UD-IQ1_S.gguf": "UD-IQ1_S",
    "DeepSeek-R1-UD-TQ1_0.gguf": "UD-TQ1_0",
    "Model.i1-IQ3_XXS.gguf": "IQ3_XXS",
    "Model-Q6_K_L.gguf": "Q6_K_L",
    "Model-Q6_K.gguf": "Q6_K",
    "Model-Q4_0_8_8.gguf": "Q4_0_8_8",
    "Model-IQ4_NL.gguf": "IQ4_NL",
    "Model-Q8_0.gguf": "Q8_0",
    "Model-IQ4_KSS.gguf": "IQ4_KSS",
    "Model-Q4_K_R4.gguf": "Q4_K_R4",
    "gpt-oss-20b-mxfp4.gguf": "MXFP4",
    "gpt-oss-20b-MXFP4_MOE.gguf": "MXFP4_MOE",
    "model-NVFP4.gguf": "NVFP4",
    "model-f16.gguf": "F16",
    "Model.fp16.gguf": "F16",
    "Model-BF16.gguf": "BF16",
    "Model-F32.gguf": "F32",
    "Model-F16-Q4_K_M.gguf": "Q4_K_M",
    "model_q4_k_m.gguf": "Q4_K_M",
    "Model-Q4_K_M-imat.gguf": "Q4_K_M",
    "UD-Q2_K_XL/model-00001-of-00003.gguf": "UD-Q2_K_XL",
    "BF16/Qwen3-Q8_0.gguf": "Q8_0",
    "ggml-model.gguf": None,
    "Qwen3-8B.gguf": None,
    "MyIQ4_XSModel.gguf": None,
}
ROLES = {
    "mmproj-model-f16.gguf": Role.PROJECTOR,
    "mmproj-BF16.gguf": Role.PROJECTOR,
    "Qwen2-VL-7B-mmproj-Q8_0.gguf": Role.PROJECTOR,
    "imatrix.gguf": Role.IMATRIX,
    "Qwen3-8B-imatrix.gguf": Role.IMATRIX,
    "imatrix_unsloth.gguf": Role.IMATRIX,
    "Qwen3-8B-Q4_K_M-imatrix.gguf": Role.MODEL,
    "Llama-3-8B-abliterated-LoRA.gguf": Role.ADAPTER,
    "my-lora-f16.gguf": Role.ADAPTER,
    "exploration-7B.Q4_0.gguf": Role.MODEL,
    "ggml-vocab-llama.gguf": Role.MODEL,
    "Qwen3-8B-vocab.gguf": Role.VOCABULARY,
    "folder-mmproj/Qwen3-8B-Q4_0.gguf": Role.MODEL,
}


@pytest.mark.parametrize("path", LABELS)
def test_labels(path: str) -> None:
    assert from_path(path).label == LABELS[path]


@pytest.mark.parametrize("path", ROLES)
def test_roles(path: str) -> None:
    assert from_path(path).role is ROLES[path]


@pytest.mark.parametrize("label", FILE_TYPES.values())
def test_every_file_type_is_found_in_a_name(label: str) -> None:
    assert from_path(f"Model-{label.lower()}.gguf").label == label


def test_splits() -> None:
    name = from_path("Q4_K_M/Model-Q4_K_M-00002-of-00003.gguf")
    assert (name.stem, name.number, name.count) == ("Q4_K_M/Model-Q4_K_M", 2, 3)
    for path in ("Model-00000-of-00003.gguf", "Model-00004-of-00003.gguf", "Model-1-of-3.gguf", "Model.gguf"):
        name = from_path(path)
        assert (name.stem, name.number, name.count) == (path.removesuffix(".gguf"), 1, 1)


def test_sets_are_the_rows_of_a_repository() -> None:
    paths = [
        "README.md", "Model-Q4_K_M.gguf", "Model-Q8_0-00002-of-00002.gguf", "Model-Q8_0-00001-of-00002.gguf",
        "BF16/Model-BF16-00001-of-00003.gguf", "mmproj-F16.gguf", "imatrix.gguf",
    ]  # fmt: skip
    rows = [(row.role, row.label, row.files, row.complete) for row in sets(paths)]
    assert rows == [
        (Role.MODEL, "BF16", ("BF16/Model-BF16-00001-of-00003.gguf",), False),
        (Role.MODEL, "Q4_K_M", ("Model-Q4_K_M.gguf",), True),
        (Role.MODEL, "Q8_0", ("Model-Q8_0-00001-of-00002.gguf", "Model-Q8_0-00002-of-00002.gguf"), True),
        (Role.IMATRIX, None, ("imatrix.gguf",), True),
        (Role.PROJECTOR, "F16", ("mmproj-F16.gguf",), True),
    ]


@given(
    st.lists(st.text(st.sampled_from("aQ4_K-M/0of1.gu"), max_size=30).map(lambda text: text + ".gguf"), max_size=9, unique=True)
)
def test_every_file_is_in_one_set(paths: list[str]) -> None:
    assert sorted(path for row in sets(paths) for path in row.files) == sorted(paths)


def test_keys() -> None:
    metadata = {
        "general.type": "model", "general.architecture": "qwen3", "general.file_type": 15, "split.no": 1, "split.count": 3,
        "split.tensors.count": 399,
    }  # fmt: skip
    assert from_keys(metadata) == GgufKeys(
        role=Role.MODEL, architecture="qwen3", label="Q4_K_M", number=2, count=3, split_tensors=399
    )
    assert from_keys({}) == GgufKeys(role=Role.MODEL, architecture=None, label=None)
    assert from_keys({"split.no": 3, "split.count": 3}).count == 1
    assert from_keys({"split.no": "1", "split.count": 3.0, "general.file_type": True}) == from_keys({})
    assert from_keys({"general.file_type": 1024 + 17}).label == "Q5_K_M"
    assert from_keys({"general.file_type": 999}).label is None


@pytest.mark.parametrize(
    ("metadata", "role"),
    [
        ({"general.type": "mmproj"}, Role.PROJECTOR),
        ({"general.architecture": "clip"}, Role.PROJECTOR),
        ({"general.type": "adapter", "general.architecture": "llama"}, Role.ADAPTER),
        ({"general.architecture": "llama", "adapter.type": "lora"}, Role.ADAPTER),
        ({"general.architecture": "controlvector"}, Role.ADAPTER),
        ({"general.type": "imatrix"}, Role.IMATRIX),
        ({"general.type": "something new"}, Role.MODEL),
    ],
)
def test_declared_roles(metadata: dict[str, object], role: Role) -> None:
    assert from_keys(metadata).role is role
