"""Which files of a listing are one copy of some weights: the names of every kind of repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.checkpoint.weight_sets import READ, SUFFIXES, WeightSet, find_weight_sets, is_training_state
from memscan.source.target import URL_SUFFIXES


def found(*files: str) -> tuple[WeightSet, ...]:
    """The sets among `files`, of which each has as many bytes as its place, from 1."""
    return find_weight_sets({name: number for number, name in enumerate(files, start=1)})


def one(*files: str) -> WeightSet:
    (only,) = found(*files)
    assert set(only.files) | {only.index} - {None} == set(files)
    return only


@pytest.mark.parametrize(
    ("name", "kind", "stem", "variant"),
    [
        ("model.safetensors", "safetensors", "model", None),
        ("model.fp16.safetensors", "safetensors", "model", "fp16"),
        ("diffusion_pytorch_model.non_ema.safetensors", "safetensors", "diffusion_pytorch_model", "non_ema"),
        ("open_clip_model.safetensors", "safetensors", "open_clip_model", None),
        ("consolidated.safetensors", "safetensors", "consolidated", None),
        ("adapter_model.safetensors", "safetensors", "adapter_model", None),
        ("sd_xl_base_1.0.safetensors", "safetensors", "sd_xl_base_1.0", None),
        ("sd_xl_base_1.0_0.9vae.safetensors", "safetensors", "sd_xl_base_1.0_0.9vae", None),
        ("model.8bit.safetensors", "safetensors", "model.8bit", None),
        (".safetensors", "safetensors", "", None),
        ("pytorch_model.bin", "torch", "pytorch_model", None),
        ("pytorch_model.fp16.bin", "torch", "pytorch_model", "fp16"),
        ("open_clip_pytorch_model.bin", "torch", "open_clip_pytorch_model", None),
        ("v1-5-pruned.ckpt", "torch", "v1-5-pruned", None),
        ("yolov8n.pt", "torch", "yolov8n", None),
        ("full.pth", "torch", "full", None),
        ("checkpoint_best.pth.tar", "torch", "checkpoint_best", None),
        ("checkpoint.pt.tar", "torch", "checkpoint", None),
        ("silero_vad.jit", "torch", "silero_vad", None),
        ("global_step500/mp_rank_00_model_states.pt", "torch", "mp_rank_00_model_states", None),
        ("model.Q4_K_M.gguf", "gguf", "model.Q4_K_M", None),
        ("model.onnx", "onnx", "model", None),
        ("onnx/model_quantized.onnx", "onnx", "model_quantized", None),
        ("tf_model.h5", "tensorflow", "tf_model", None),
        ("model.weights.h5", "tensorflow", "model", "weights"),
        ("saved_model.pb", "tensorflow", "saved_model", None),
        ("64.tflite", "tensorflow", "64", None),
        ("model.keras", "keras", "model", None),
        ("flax_model.msgpack", "flax", "flax_model", None),
        ("stt_en_conformer.nemo", "nemo", "stt_en_conformer", None),
        ("rust_model.ot", "rust", "rust_model", None),
        ("model.pdparams", "paddle", "model", None),
        ("weights.npz", "numpy", "weights", None),
        ("export.pkl", "pickle", "export", None),
        ("sklearn_model.joblib", "pickle", "sklearn_model", None),
        ("model.skops", "pickle", "model", None),
        ("ggml-base.en.bin", "ggml", "ggml-base.en", None),
        ("metal/model.bin", "metal", "model", None),
        ("openvino/openvino_model.bin", "openvino", "openvino_model", None),
        ("coreml/x.mlpackage/Data/com.apple.CoreML/weights/weight.bin", "coreml", "x", None),
    ],
)
def test_one_whole_file(name: str, kind: str, stem: str, variant: str | None) -> None:
    only = one(name)
    assert (only.format, only.stem, only.variant, only.name) == (kind, stem, variant, name)
    assert (only.is_split, only.is_sliced, only.complete, only.nbytes) == (False, False, True, 1)


@pytest.mark.parametrize(
    "name",
    [
        "config.json", "tokenizer.json", "README.md", "training_args.bin", "optimizer.pt", "optimizer.bin", "optimizer_1.bin",
        "optimizer-00001-of-00002.bin", "scheduler.pt", "scheduler.bin", "scaler.pt", "rng_state.pth", "rng_state_3.pth",
        "random_states_0.pkl", "sampler.bin", "zero_pp_rank_0_mp_rank_00_optim_states.pt", "checkpoint-500/optimizer.pt",
        "data.xml", "imatrix.dat", "model", "vocab/vectors", "model.safetensors.md5", "model.index.json",
    ],
)  # fmt: skip
def test_a_file_that_holds_no_weights(name: str) -> None:
    assert found(name) == ()


@pytest.mark.parametrize(("name", "is_state"), [("a/optimizer.pt", True), ("optimus.pt", False), ("optimizer/model.pt", False)])
def test_the_state_of_a_training_run_is_known_by_its_name(name: str, is_state: bool) -> None:
    assert is_training_state(name) is is_state


SHARDED = [
    ("model.safetensors.index.json", "model-0000{}-of-00002.safetensors", "safetensors", None),
    ("x/model.safetensors.index.json", "x/model-0000{}-of-00002.safetensors", "safetensors", None),
    ("model.safetensors.index.fp16.json", "model.fp16-0000{}-of-00002.safetensors", "safetensors", "fp16"),
    ("model.safetensors.index.fp16.json", "model-0000{}-of-00002.fp16.safetensors", "safetensors", "fp16"),
    ("model.fp16.safetensors.index.json", "model.fp16-0000{}-of-00002.safetensors", "safetensors", "fp16"),
    ("consolidated.safetensors.index.json", "consolidated-0000{}-of-00002.safetensors", "safetensors", None),
    ("pytorch_model.bin.index.json", "pytorch_model-0000{}-of-00002.bin", "torch", None),
    ("pytorch_model.bin.index.fp16.json", "pytorch_model-0000{}-of-00002.fp16.bin", "torch", "fp16"),
    ("pytorch_model.bin.index.json", "pytorch_model_0000{}-of-00002.bin", "torch", None),
    ("tf_model.h5.index.json", "tf_model-0000{}-of-00002.h5", "tensorflow", None),
    ("flax_model.msgpack.index.json", "flax_model-0000{}-of-00002.msgpack", "flax", None),
]


@pytest.mark.parametrize(("index", "pattern", "kind", "variant"), SHARDED)
def test_an_index_and_its_shards_are_one_set(index: str, pattern: str, kind: str, variant: str | None) -> None:
    only = one(pattern.format(1), pattern.format(2), index)
    assert (only.format, only.variant, only.index, only.name) == (kind, variant, index, index)
    assert (only.is_split, only.complete, only.nbytes) == (True, True, 3)


@pytest.mark.parametrize(("index", "pattern", "kind", "variant"), SHARDED)
def test_shards_without_their_index_are_counted(index: str, pattern: str, kind: str, variant: str | None) -> None:
    whole = one(pattern.format(1), pattern.format(2))
    assert (whole.format, whole.variant, whole.complete, whole.name) == (kind, variant, True, pattern.replace("0000{}", "*"))
    assert not one(pattern.format(1)).complete
    assert not one(pattern.format(2), pattern.format(3)).complete


def test_shards_that_are_counted_from_0_are_whole() -> None:
    assert one("model-00000-of-00002.safetensors", "model-00001-of-00002.safetensors").complete


def test_an_index_alone_is_a_set_without_files() -> None:
    only = one("model.safetensors.index.json")
    assert (only.files, only.nbytes, only.complete) == ((), 0, True)


def test_a_whole_file_beside_shards_is_a_copy_of_its_own() -> None:
    names = [each.name for each in found("model.safetensors", "model.safetensors.index.json", "model-1-of-1.safetensors")]
    assert names == ["model.safetensors.index.json", "model.safetensors"]


def test_shards_of_two_endings_are_no_set() -> None:
    assert [each.complete for each in found("model-1-of-2.bin", "model-2-of-2.pt")] == [False, False]


def test_copies_with_other_counts_are_sets_of_their_own() -> None:
    names = [each.name for each in found("model-1-of-2.bin", "model-2-of-2.bin", "model-1-of-1.bin")]
    assert names == ["model-*-of-2.bin", "model-1-of-1.bin"]


class TestSlices:
    def test_the_files_of_llama(self) -> None:
        only = one("original/consolidated.00.pth", "original/consolidated.01.pth")
        assert (only.is_sliced, only.complete, only.name) == (True, True, "original/consolidated.*.pth")

    def test_a_single_one(self) -> None:
        only = one("consolidated.00.pth")
        assert (only.is_sliced, only.complete, only.name) == (True, True, "consolidated.00.pth")

    def test_the_files_of_mixtral(self) -> None:
        assert one("consolidated.00.pt", "consolidated.01.pt").is_sliced

    def test_a_gap(self) -> None:
        assert not one("consolidated.00.pth", "consolidated.02.pth").complete


class TestTogether:
    @pytest.mark.parametrize("data", ["model.onnx_data", "model.onnx.data", "model.onnx_data_1"])
    def test_a_graph_and_its_external_data(self, data: str) -> None:
        only = one("model.onnx", data)
        assert (only.format, only.name, only.nbytes) == ("onnx", "model.onnx", 3)

    def test_openvino_keeps_the_graph_beside_the_weights(self) -> None:
        assert [(each.format, each.nbytes) for each in found("x.xml", "x.bin", "openvino_tokenizer.bin")] == [
            ("openvino", 3),
            ("openvino", 3),
        ]

    def test_tensorflow_keeps_the_weights_beside_the_graph(self) -> None:
        sets = found("saved_model.pb", "variables/variables.data-00000-of-00001", "variables/variables.index")
        assert [(each.format, each.nbytes) for each in sets] == [("tensorflow", 1), ("tensorflow", 2)]

    @pytest.mark.parametrize("missing", [False, True])
    def test_the_checkpoints_of_tensorflow_are_numbered_from_0(self, missing: bool) -> None:
        names = ["bert_model.ckpt.data-00000-of-00002", "bert_model.ckpt.data-00001-of-00002"]
        assert one(*names[missing:]).complete is not missing

    def test_a_package_of_core_ml(self) -> None:
        only = one("c/x.mlpackage/Data/com.apple.CoreML/model.mlmodel", "c/x.mlpackage/Data/com.apple.CoreML/weights/weight.bin")
        assert (only.format, only.folder, only.nbytes) == ("coreml", "c/", 3)

    def test_the_parts_of_a_spacy_pipeline(self) -> None:
        sets = found("config.cfg", "ner/model", "transformer/model", "vocab/vectors", "ner/cfg")
        assert [(each.format, each.name) for each in sets] == [
            ("spacy", "ner/model"), ("spacy", "transformer/model"), ("spacy", "vocab/vectors"),
        ]  # fmt: skip


class TestGguf:
    def test_a_split(self) -> None:
        only = one("Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf")
        assert (only.stem, only.complete, only.name) == ("m-Q8_0", True, "Q8_0/m-Q8_0-*-of-00002.gguf")
        assert not one("m-00001-of-00002.gguf").complete

    def test_a_split_of_one_file(self) -> None:
        only = one("m-00001-of-00001.gguf")
        assert (only.complete, only.name) == (True, "m-00001-of-00001.gguf")

    @pytest.mark.parametrize("first", ["model", "consolidated", "pytorch_model", "m"])
    def test_every_quantization_is_a_set(self, first: str) -> None:
        sets = found(f"{first}.Q4_K_M.gguf", f"{first}.Q8_0.gguf", f"{first}-f16.gguf", f"{first}.gguf", f"Q2_K/{first}.gguf")
        assert len(sets) == 5
        assert {each.variant for each in sets} == {None}

    @pytest.mark.parametrize("name", ["mmproj-model-f16.gguf", "imatrix.gguf", "m-lora.gguf", "ggml-vocab-llama.gguf"])
    def test_what_stands_beside_a_model_is_a_set_too(self, name: str) -> None:
        assert [each.name for each in found(name, "m.gguf")] == sorted([name, "m.gguf"])


def test_a_url_may_end_in_whatever_is_read() -> None:
    assert set(URL_SUFFIXES) == {suffix for kind in READ for suffix in SUFFIXES[kind]}


FOLDERS = st.sampled_from(["", "a/", "a/b/", "metal/", "original/", "x.mlpackage/"])
STEM = st.sampled_from(
    ["model", "pytorch_model", "consolidated", "m-Q4_K_M", "openvino_model", "ggml-base", "x", "weights.v2", ""]
)
MIDDLE = st.sampled_from(["", ".fp16", "-00001-of-00002", "-00002-of-00002", "-1-of-1", ".00", ".01", ".fp16-00001-of-00002"])
ENDING = st.sampled_from(sorted({suffix for group in SUFFIXES.values() for suffix in group} | {".onnx_data", ".json", ""}))
PATH = st.builds(lambda *parts: "".join(parts), FOLDERS, STEM, MIDDLE, ENDING, st.sampled_from(["", "", "", ".index.json"]))


@given(st.dictionaries(PATH.filter(lambda path: not path.endswith("/") and path), st.integers(0, 10**13)))
def test_every_weight_file_stands_in_exactly_one_set(files: dict[str, int]) -> None:
    sets = find_weight_sets(files)
    named = [path for each in sets for path in each.files]
    assert len(named) == len(set(named))
    expected = {path for path in files if path.endswith(tuple(s for kind in READ for s in SUFFIXES[kind]))}
    assert expected <= set(named) <= set(files)
    assert sum(each.nbytes for each in sets) == sum(files[path] for path in named)
    assert all(each.nbytes == sum(files[path] for path in each.files) for each in sets)
    assert len({each.index for each in sets if each.index}) == len([each for each in sets if each.index])
    assert all(each.name for each in sets)


@given(st.dictionaries(PATH.filter(lambda path: not path.endswith("/") and path), st.integers(0, 10**13)))
def test_the_order_of_the_listing_does_not_matter(files: dict[str, int]) -> None:
    assert find_weight_sets(files) == find_weight_sets(dict(reversed(files.items())))
