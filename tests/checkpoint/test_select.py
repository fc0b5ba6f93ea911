"""Which files of a listing make one checkpoint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.checkpoint import Selection, explain, select
from memscan.errors import NotFoundError, NoWeightsError, TargetError

INDEX = "model.safetensors.index.json"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")

NUMBERLESS = f"model-1-of-{'9' * 5_000}.safetensors"


def among(*files: str, path: str | None = None, variant: str | None = None) -> Selection:
    return select(dict.fromkeys(files, 1_000), path, variant=variant)


def reasons(*files: str, path: str | None = None, variant: str | None = None) -> dict[str, str]:
    """Why each weight set is chosen (with an arrow before it) or not."""
    verdicts = explain(dict.fromkeys(files, 1_000), path, variant=variant)
    return {one.found.name: f"-> {one.why}" if one.chosen else one.why for one in verdicts}


def codes(selection: Selection) -> list[str]:
    return [note.code for note in selection.notes]


class TestOneFile:
    @pytest.mark.parametrize(
        ("files", "chosen"),
        [
            (["model.safetensors"], "model.safetensors"),
            (["any-name.safetensors", "config.json"], "any-name.safetensors"),
            (["diffusion_pytorch_model.safetensors", "x.safetensors"], "diffusion_pytorch_model.safetensors"),
            (["open_clip_model.safetensors", "x.safetensors"], "open_clip_model.safetensors"),
            (["consolidated.safetensors", "x.safetensors"], "consolidated.safetensors"),
            (["adapter_model.safetensors", "x.safetensors"], "adapter_model.safetensors"),
            (["adapter_model.safetensors", "consolidated.safetensors", "model.safetensors"], "model.safetensors"),
            (["model.fp16.safetensors", "model.safetensors"], "model.safetensors"),
            (["model.safetensors", "pytorch_model.bin", "tf_model.h5", "model.onnx"], "model.safetensors"),
            (["model.safetensors", "unet/model.safetensors", "x/y.safetensors"], "model.safetensors"),
            (["x.safetensors", *SHARDS], "x.safetensors"),
        ],
    )
    def test_the_name_that_loaders_prefer_is_taken(self, files: list[str], chosen: str) -> None:
        assert among(*files) == Selection(files=(chosen,))

    def test_two_names_that_nobody_prefers_are_the_users_choice(self) -> None:
        with pytest.raises(NoWeightsError, match=r"name one of a.safetensors, b.safetensors"):
            among("b.safetensors", "a.safetensors")


class TestSharded:
    def test_an_index_brings_the_files_that_look_like_its_shards(self) -> None:
        assert among("config.json", *SHARDS[::-1], INDEX, "other-00001-of-00002.safetensors") == Selection(
            files=SHARDS, index=INDEX
        )

    def test_underscores_and_any_number_of_digits_are_shards(self) -> None:
        shards = ("model_00001-of-00072.safetensors", "model_000002-of-000072.safetensors")
        assert among(INDEX, *shards).files == shards

    def test_shards_with_other_names_are_left_to_the_index(self) -> None:
        assert among(INDEX, "shard_00", "shard_01") == Selection(files=(), index=INDEX)

    def test_the_index_that_loaders_prefer_is_taken(self) -> None:
        assert among("consolidated.safetensors.index.json", INDEX, "x.safetensors.index.json").index == INDEX

    def test_a_single_file_beside_an_index_is_noted_with_its_size(self) -> None:
        found = among("model.safetensors", INDEX, *SHARDS)
        assert (found.index, found.files, codes(found)) == (INDEX, SHARDS, ["two-checkpoints"])
        assert "model.safetensors (1,000 bytes)" in found.notes[0].message

    def test_nobody_is_said_to_load_a_file_that_it_does_not_look_for(self) -> None:
        (note,) = among("consolidated.safetensors", INDEX, *SHARDS).notes
        assert "consolidated.safetensors (1,000 bytes)" in note.message
        assert "transformers would load the single file" not in note.message

    def test_all_shards_without_an_index_are_one_checkpoint(self) -> None:
        found = among(*SHARDS, "config.json")
        assert (found.files, found.index, codes(found)) == (SHARDS, None, ["no-index"])

    @pytest.mark.parametrize(
        "shards",
        [
            SHARDS[:1],
            ("model-00001-of-00002.safetensors", "model-00003-of-00002.safetensors"),
            ("model-00001-of-00002.safetensors", "model-1-of-2.safetensors"),
            ("model-00001-of-00002.safetensors", "model_00001-of-00002.safetensors"),
            ("model-1-of-999999999.safetensors",),
            ("pytorch_model-00001-of-00002.bin",),
            ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.pt"),
        ],
        ids=["one-missing", "wrong-number", "same-number", "same-number-other-separator", "absurd-count", "torch", "two-endings"],
    )
    def test_shards_that_are_not_one_whole_set_are_not_guessed_at(self, shards: tuple[str, ...]) -> None:
        with pytest.raises(NoWeightsError, match=r"are not complete: there are .*; --file reads one alone") as refused:
            among(*shards)
        assert all(shard in str(refused.value) for shard in shards)

    @pytest.mark.parametrize("other", ["x-1-of-1.safetensors", "model-1-of-1.safetensors"])
    def test_two_whole_sets_of_shards_are_the_users_choice(self, other: str) -> None:
        with pytest.raises(NoWeightsError, match=r"and none that loaders prefer: name one of "):
            among(*SHARDS, other)

    def test_a_whole_copy_in_another_format_is_taken_before_shards_that_are_missing(self) -> None:
        assert among(SHARDS[0], "pytorch_model.bin").files == ("pytorch_model.bin",)

    @pytest.mark.parametrize("path", [None, NUMBERLESS], ids=["listed", "named"])
    def test_a_number_of_thousands_of_digits_is_part_of_a_name(self, path: str | None) -> None:
        assert among(NUMBERLESS, path=path).files == (NUMBERLESS,)


class TestPath:
    FILES = (
        "model.safetensors",
        "unet/x.safetensors",
        f"te/{INDEX}",
        *(f"te/{name}" for name in SHARDS),
        "vae/x.bin",
        "a/b/c.json",
    )

    def test_a_file_is_that_file(self) -> None:
        assert among(*self.FILES, path="unet/x.safetensors") == Selection(files=("unet/x.safetensors",))

    def test_a_shard_is_read_alone_and_noted(self) -> None:
        found = among(*self.FILES, path=f"te/{SHARDS[0]}")
        assert (found.files, codes(found)) == ((f"te/{SHARDS[0]}",), ["one-shard"])
        assert "one of 2 shards" in found.notes[0].message

    @pytest.mark.parametrize("path", ["te", f"te/{INDEX}"])
    def test_a_folder_and_its_index_are_the_same_checkpoint(self, path: str) -> None:
        assert among(*self.FILES, path=path) == Selection(files=tuple(f"te/{name}" for name in SHARDS), index=f"te/{INDEX}")

    @pytest.mark.parametrize("path", ["", "nothing", "une", "unet/x", "model.safetensors/x", "b"])
    def test_what_is_not_listed_is_not_found(self, path: str) -> None:
        with pytest.raises(NotFoundError, match=r"no file or folder .* among the 7 files"):
            among(*self.FILES, path=path)

    def test_a_torch_file_is_that_file(self) -> None:
        assert among(*self.FILES, path="vae/x.bin") == Selection(files=("vae/x.bin",), format="torch")

    def test_a_file_that_holds_no_weights_is_refused_by_name(self) -> None:
        with pytest.raises(
            NoWeightsError, match=r"a/b/c\.json is not a file of weights that memscan reads; it reads safetensors"
        ):
            among(*self.FILES, path="a/b/c.json")

    def test_a_format_that_is_not_read_is_refused_with_its_size(self) -> None:
        with pytest.raises(NoWeightsError, match=r"onnx/model\.onnx \(onnx, 2,000 bytes\) is of a format whose headers"):
            among("model.safetensors", "onnx/model.onnx", "onnx/model.onnx_data", path="onnx/model.onnx_data")

    def test_the_index_of_a_format_that_is_not_read(self) -> None:
        with pytest.raises(NoWeightsError, match=r"tf_model\.h5\.index\.json \(tensorflow, 1,000 bytes\)"):
            among("tf_model.h5.index.json", "tf_model-00001-of-00001.h5", path="tf_model.h5.index.json")

    def test_the_state_of_a_training_run_is_refused_as_such(self) -> None:
        with pytest.raises(NoWeightsError, match=r"optimizer\.pt is named as the state of a training run"):
            among("model.safetensors", "optimizer.pt", path="optimizer.pt")

    @pytest.mark.parametrize("path", [None, "a"])
    def test_the_one_folder_with_weights_is_taken_with_a_note(self, path: str | None) -> None:
        found = among("config.json", "a/b/model.safetensors", "a/x.onnx", path=path)
        assert (found.files, codes(found)) == (("a/b/model.safetensors",), ["subfolder"])
        assert "the weights are in a/b/" in found.notes[0].message

    def test_several_folders_with_weights_are_the_users_choice(self) -> None:
        with pytest.raises(NoWeightsError, match=r"no weights in the top folder itself; name a folder or a file, there are a/"):
            among("a/model.safetensors", "b/model.safetensors")


class TestNothing:
    @pytest.mark.parametrize(
        ("files", "path", "words"),
        [
            ([], None, "nothing that holds weights in the top folder: 0 files"),
            (["config.json"], None, "nothing that holds weights in the top folder: 1 file, none of them in a format of weights"),
            (["a/x.json"], "a", "nothing that holds weights in the folder a: 1 file, none"),
            (["training_args.bin", "optimizer.pt"], None, "nothing that holds weights in the top folder: 2 files"),
            (["unet/x.safetensors", "vae/y.bin"], None, "no weights in the top folder itself; .* unet/x.safetensors, vae/y.bin$"),
            (
                ["a/x.onnx", "b/y.bin"],
                "a",
                r"the weights in the folder a are in formats .* not read: a/x.onnx \(onnx, 1,000 bytes\)",
            ),
            (
                ["model.onnx", "model.onnx_data", "tf_model.h5", "flax_model.msgpack"],
                None,
                r"not read: model.onnx \(onnx, 2,000 bytes\), tf_model.h5 \(tensorflow, .*, flax_model.msgpack .*; it reads",
            ),
            ([f"{number}.bin" for number in range(1_234)], None, r"name one of 0\.bin, 1\.bin, .* and 1,229 more$"),
            (
                ["mmproj-F16.gguf", "imatrix.gguf"],
                None,
                r"no model in the top folder, only .*mmproj-F16.gguf \(1,000 bytes; loaded",
            ),
        ],
    )
    def test_the_message_says_what_is_there_instead(self, files: list[str], path: str | None, words: str) -> None:
        with pytest.raises(NoWeightsError, match=words):
            among(*files, path=path)


class TestFormats:
    @pytest.mark.parametrize(
        ("files", "chosen"),
        [
            (["pytorch_model.bin"], "pytorch_model.bin"),
            (["pytorch_model.bin", "model.gguf", "model.onnx"], "pytorch_model.bin"),
            (["pytorch_model.bin", "model.bin"], "pytorch_model.bin"),
            (["pytorch_model.bin", "pytorch_model.pt"], "pytorch_model.bin"),
            (["pytorch_model.bin", "x.safetensors"], "pytorch_model.bin"),
            (["x.safetensors", "y.pt", "z.gguf"], "x.safetensors"),
            (["y.pt", "z.gguf"], "y.pt"),
            (["y.pth.tar", "training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state_0.pth"], "y.pth.tar"),
            (["consolidated.00.pth", "x.pth"], "consolidated.00.pth"),
            (["z.gguf", "ggml-model-q4_0.bin"], "z.gguf"),
            (["z.gguf", "openvino_model.xml", "openvino_model.bin"], "z.gguf"),
        ],
    )
    def test_the_format_that_loaders_prefer_is_taken(self, files: list[str], chosen: str) -> None:
        assert among(*files).files == (chosen,)

    def test_two_torch_files_that_nobody_prefers_are_the_users_choice(self) -> None:
        with pytest.raises(NoWeightsError, match=r"2 files of weights .* name one of a.pt, b.pth"):
            among("b.pth", "a.pt")

    def test_sharded_torch_files_have_an_index(self) -> None:
        shards = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")
        index = "pytorch_model.bin.index.json"
        assert among(index, *shards) == Selection(files=shards, index=index, format="torch")

    def test_slices_are_one_checkpoint_and_are_said_to_repeat(self) -> None:
        found = among("consolidated.00.pth", "consolidated.01.pth", "params.json")
        assert (found.files, found.slices, codes(found)) == (("consolidated.00.pth", "consolidated.01.pth"), True, ["slices"])

    def test_a_single_slice_is_the_whole(self) -> None:
        assert codes(among("consolidated.00.pth")) == []

    def test_a_missing_slice_is_not_guessed_at(self) -> None:
        with pytest.raises(NoWeightsError, match="are not complete"):
            among("consolidated.00.pth", "consolidated.02.pth")


class TestVariants:
    FILES = ("model.safetensors", "model.fp16.safetensors", "pytorch_model.bf16.bin")

    @pytest.mark.parametrize(
        ("variant", "chosen"),
        [(None, "model.safetensors"), ("fp16", "model.fp16.safetensors"), ("bf16", "pytorch_model.bf16.bin")],
    )
    def test_a_variant_is_taken_where_it_is_asked_for(self, variant: str | None, chosen: str) -> None:
        assert among(*self.FILES, variant=variant).files == (chosen,)

    @pytest.mark.parametrize("variant", ["fp8", "x"])
    def test_a_variant_that_is_not_there_is_refused_with_those_that_are(self, variant: str) -> None:
        with pytest.raises(
            NoWeightsError, match=f"no weights of the variant '{variant}' in the top folder; there are bf16, fp16"
        ):
            among(*self.FILES, variant=variant)

    def test_a_variant_where_there_is_none(self) -> None:
        with pytest.raises(
            NoWeightsError, match=r"no weights of the variant 'fp16' in the top folder; there are model.safetensors"
        ):
            among("model.safetensors", variant="fp16")

    def test_the_only_variant_is_taken_with_a_note(self) -> None:
        found = among("model.fp16.safetensors", "lora.safetensors")
        assert (found.files, codes(found)) == (("model.fp16.safetensors",), ["variant"])
        assert codes(among("model.fp16.safetensors", variant="fp16")) == []

    def test_several_variants_are_the_users_choice(self) -> None:
        with pytest.raises(NoWeightsError, match="of several variants: --variant chooses one of bf16, fp16"):
            among("model.fp16.safetensors", "model.bf16.safetensors")

    @pytest.mark.parametrize("index", ["model.safetensors.index.fp16.json", "model.fp16.safetensors.index.json"])
    @pytest.mark.parametrize("pattern", ["model.fp16-0000{}-of-00002.safetensors", "model-0000{}-of-00002.fp16.safetensors"])
    def test_a_sharded_variant(self, index: str, pattern: str) -> None:
        shards = tuple(pattern.format(number) for number in (1, 2))
        assert among("model.safetensors", index, *shards, variant="fp16") == Selection(files=shards, index=index)


class TestGguf:
    QUANTIZED = ("m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-IQ2_XS.gguf")

    def labels(self, selection: Selection) -> list[str | None]:
        return [one.label for one in (selection, *selection.alternatives)]

    def test_every_quantization_is_there_and_the_usual_one_first(self) -> None:
        assert self.labels(among(*self.QUANTIZED)) == ["Q4_K_M", "IQ2_XS", "Q8_0"]

    @pytest.mark.parametrize(
        "names", [("model.Q4_K_M.gguf", "model.Q8_0.gguf"), ("consolidated-Q4_K_M.gguf", "adapter_model.Q8_0.gguf")]
    )
    def test_the_stem_of_a_loader_is_nothing_special(self, names: tuple[str, ...]) -> None:
        assert self.labels(among(*names)) == ["Q4_K_M", "Q8_0"]

    def test_one_is_chosen_by_its_file(self) -> None:
        found = among(*self.QUANTIZED, path="m-Q8_0.gguf")
        assert (found.files, found.alternatives) == (("m-Q8_0.gguf",), ())

    def test_quantizations_in_folders_beside_those_at_the_top(self) -> None:
        split = ("BF16/m-BF16-00001-of-00002.gguf", "BF16/m-BF16-00002-of-00002.gguf")
        found = among("m-Q4_K_M.gguf", "Q8_0/m-Q8_0.gguf", *split)
        assert self.labels(found) == ["Q4_K_M", "BF16", "Q8_0"]
        assert found.alternatives[0].files == split
        assert codes(found) == []

    def test_a_split_is_whole_whichever_file_is_named(self) -> None:
        split = ("m-00001-of-00002.gguf", "m-00002-of-00002.gguf")
        assert among(*split).files == among(*split, path=split[1]).files == split

    def test_two_models_of_one_quantization_have_their_own_names(self) -> None:
        assert self.labels(among("a-Q8_0.gguf", "b-Q8_0.gguf", "c.gguf")) == ["a-Q8_0", "b-Q8_0", "c"]

    @pytest.mark.parametrize(
        "other", ["mmproj-F16.gguf", "m.imatrix.gguf", "m-lora.gguf", "ggml-vocab.gguf", "x-00001-of-00003.gguf"]
    )
    def test_what_is_no_whole_model_is_not_taken(self, other: str) -> None:
        assert self.labels(among("m-Q8_0.gguf", other)) == ["Q8_0"]

    def test_a_projector_is_read_where_it_is_named(self) -> None:
        assert among("m-Q8_0.gguf", "mmproj-F16.gguf", path="mmproj-F16.gguf").files == ("mmproj-F16.gguf",)


class TestExplain:
    def test_the_only_weights(self) -> None:
        assert reasons("model.safetensors", "config.json") == {"model.safetensors": "-> the only weights"}

    def test_one_of_many(self) -> None:
        assert reasons(
            "model.safetensors", "pytorch_model.bin", "model.fp16.safetensors", "m.gguf", "model.onnx",
            "original/consolidated.00.pth", INDEX, *SHARDS,
        ) == {
            INDEX: "-> loaders prefer it",
            "model.safetensors": f"loaders prefer {INDEX}: --file model.safetensors chooses it",
            "model.fp16.safetensors": "another variant: --variant fp16 chooses it",
            "pytorch_model.bin": "loaders prefer safetensors: --file pytorch_model.bin chooses it",
            "m.gguf": "loaders prefer safetensors: --file m.gguf chooses it",
            "model.onnx": "memscan does not read the headers of onnx: sized by its files",
            "original/consolidated.00.pth": "in another folder: --subfolder original chooses it",
        }  # fmt: skip

    def test_quantizations(self) -> None:
        assert reasons("m-Q8_0.gguf", "m-Q4_K_M.gguf", "mmproj-F16.gguf", "m-lora.gguf", "imatrix.gguf") == {
            "m-Q4_K_M.gguf": "-> llama.cpp's default",
            "m-Q8_0.gguf": "-> the same model in another quantization: --file m-Q8_0.gguf chooses it",
            "mmproj-F16.gguf": "loaded beside the model for images or sound: --mmproj adds it",
            "m-lora.gguf": "an adapter, not a model",
            "imatrix.gguf": "statistics for quantizing; nothing loads it",
        }

    def test_a_choice_that_is_the_users(self) -> None:
        assert reasons("a.safetensors", "b.safetensors", SHARDS[0]) == {
            "a.safetensors": "one of several that no loader prefers: --file a.safetensors chooses it",
            "b.safetensors": "one of several that no loader prefers: --file b.safetensors chooses it",
            SHARDS[0]: "shards are missing: 1 file there",
        }

    def test_a_file_that_is_named(self) -> None:
        assert reasons("a.safetensors", "b.safetensors", "c.onnx", path="b.safetensors") == {
            "a.safetensors": "not the file that is named",
            "b.safetensors": "-> named",
            "c.onnx": "not the file that is named",
        }
        assert reasons("a.safetensors", "c.onnx", path="c.onnx")["c.onnx"].startswith("named, but memscan does not read")

    def test_a_folder_that_is_named(self) -> None:
        assert reasons("model.safetensors", "a/model.safetensors", path="a") == {
            "model.safetensors": "not in a/",
            "a/model.safetensors": "-> the only model that memscan reads in its folder",
        }

    def test_a_variant_that_is_not_there(self) -> None:
        assert reasons("model.safetensors", variant="fp16") == {"model.safetensors": "not of the variant fp16"}

    def test_what_is_not_listed_is_not_found(self) -> None:
        with pytest.raises(NotFoundError):
            reasons("model.safetensors", path="nothing")


NAMES = st.sampled_from(
    [
        *("model.safetensors", "x.safetensors", "consolidated.safetensors", ".safetensors", "model.fp16.safetensors"),
        *(INDEX, "x.safetensors.index.json", *SHARDS, "y-1-of-1.safetensors", "config.json"),
        *("model.bin", "pytorch_model.bin", "pytorch_model.bin.index.json", "x.pth.tar"),
        *("consolidated.00.pth", "consolidated.01.pth", "optimizer.bin", "openvino_model.bin"),
        *("a/model.safetensors", f"a/{INDEX}", f"a/{SHARDS[0]}", "a/b/x.safetensors"),
        *("m-Q4_K_M.gguf", "a/m-Q8_0-00001-of-00002.gguf", "a/m-Q8_0-00002-of-00002.gguf", "mmproj.gguf"),
        *("model.onnx", "model.onnx_data"),
    ]
)


@given(st.sets(NAMES), st.none() | NAMES | st.sampled_from(["a", "a/b", "z"]), st.sampled_from([None, "fp16"]))
def test_any_listing_gives_listed_files_or_a_target_error(files: set[str], path: str | None, variant: str | None) -> None:
    try:
        found = among(*files, path=path, variant=variant)
    except TargetError:
        return
    assert set(found.files) <= files
    assert len(set(found.files)) == len(found.files)
    assert found.files or found.index in files


@given(st.sets(NAMES), st.none() | st.sampled_from(["a", "a/b"]), st.sampled_from([None, "fp16"]))
def test_the_explanation_chooses_what_is_selected(files: set[str], path: str | None, variant: str | None) -> None:
    listing = dict.fromkeys(files, 1_000)
    try:
        verdicts = explain(listing, path, variant=variant)
    except NotFoundError:
        return
    assert all(one.why for one in verdicts)
    chosen = {name for one in verdicts if one.chosen for name in (*one.found.files, one.found.index) if name is not None}
    try:
        found = select(listing, path, variant=variant)
    except NoWeightsError:
        assert chosen == set()
        return
    assert chosen == {name for one in (found, *found.alternatives) for name in (*one.files, one.index) if name is not None}
