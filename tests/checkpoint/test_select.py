"""Which files of a listing make one checkpoint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.checkpoint import Selection, select
from memscan.errors import NotFoundError, NoWeightsError, TargetError

INDEX = "model.safetensors.index.json"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")

NUMBERLESS = f"model-1-of-{'9' * 5_000}.safetensors"


def among(*files: str, path: str | None = None) -> Selection:
    return select(dict.fromkeys(files, 1_000), path)


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
        assert among(INDEX, *shards).files == ("model_000002-of-000072.safetensors", "model_00001-of-00072.safetensors")

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
            (*SHARDS, "x-1-of-1.safetensors"),
            ("model-1-of-999999999.safetensors",),
        ],
        ids=["one-missing", "wrong-number", "same-number", "same-number-other-separator", "two-sets", "absurd-count"],
    )
    def test_shards_that_are_not_one_whole_set_are_not_guessed_at(self, shards: tuple[str, ...]) -> None:
        with pytest.raises(NoWeightsError, match=r"and none that loaders prefer: name one of "):
            among(*shards)

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

    @pytest.mark.parametrize("path", ["vae/x.bin", "a/b/c.json"])
    def test_another_format_is_refused_by_name(self, path: str) -> None:
        with pytest.raises(NoWeightsError, match=f"{path} is not a .safetensors file"):
            among(*self.FILES, path=path)


class TestNothing:
    @pytest.mark.parametrize(
        ("files", "path", "words"),
        [
            ([], None, "nothing that holds weights in the top folder: 0 files"),
            (["config.json"], None, "nothing that holds weights in the top folder: 1 file, none of them safetensors"),
            (["a/x.json"], "a", "nothing that holds weights in the folder a: 1 file, none"),
            (["pytorch_model.bin"], None, "no safetensors file in the top folder, .* there are pytorch_model.bin"),
            (["unet/x.safetensors"], None, "no safetensors file in the top folder, .* there are unet/x.safetensors"),
            (["a/x.gguf", "b/y.bin"], "a", "no safetensors file in the folder a, .* there are a/x.gguf$"),
            ([f"{number}.bin" for number in range(1_234)], None, r"there are 0\.bin, 1\.bin, .* and 1,229 more$"),
        ],
    )
    def test_the_message_says_what_is_there_instead(self, files: list[str], path: str | None, words: str) -> None:
        with pytest.raises(NoWeightsError, match=words):
            among(*files, path=path)


NAMES = st.sampled_from(
    ["model.safetensors", "x.safetensors", "consolidated.safetensors", INDEX, "x.safetensors.index.json", *SHARDS, "config.json",
     "y-1-of-1.safetensors", "model.bin", "a/model.safetensors", f"a/{INDEX}", f"a/{SHARDS[0]}", "a/b/x.safetensors",
     ".safetensors"]
)  # fmt: skip


@given(st.sets(NAMES), st.none() | NAMES | st.sampled_from(["a", "a/b", "z"]))
def test_any_listing_gives_listed_files_or_a_target_error(files: set[str], path: str | None) -> None:
    try:
        found = among(*files, path=path)
    except TargetError:
        return
    assert set(found.files) <= files
    assert len(set(found.files)) == len(found.files)
    assert found.files or found.index in files
