"""`memscan diff`: revisions on a Hub, folders, saved reports, formats, the limit on growth, exit codes."""

import csv
import io
import json
import random
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from safetensors import safe_open

from tests.hub import LoopbackHub, Repository, Revision, materialise
from tests.hub.materialise import FIXTURES
from tests.runner import run_memscan
from tests.writers import gguf, safetensors

SCHEMA = json.loads(files("memscan.report").joinpath("schema.json").read_text())
FORMATS = ("table", "json", "markdown", "csv")
GATES = ("github", "junit", "sarif", "gitlab")
BASE = "a" * 40
PR = "b" * 40
CONFIG = b'{"architectures": ["BertModel"], "model_type": "bert"}'
HOSTILE = "evil|`x`\x1b[31m\n::error::=HYPERLINK(1)<b>]]>@org\u202e"


def bert(
    *, vocabulary: int = 100, prefix: str = "", dtype: str = "F32", layers: int = 2
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The tensors of a small model."""
    found = {f"{prefix}embeddings.word_embeddings.weight": (dtype, (vocabulary, 8))}
    for layer in range(layers):
        for name, shape in {"query": (8, 8), "key": (8, 8), "value": (8, 8)}.items():
            found[f"{prefix}encoder.layer.{layer}.attention.self.{name}.weight"] = (dtype, shape)
        found[f"{prefix}encoder.layer.{layer}.output.LayerNorm.bias"] = (dtype, (8,))
    return found


def weights(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> bytes:
    return safetensors.write(tensors)


@pytest.fixture
def folder(tmp_path):
    """Writes a model to a folder of its own."""

    def write(name: str, tensors: dict[str, tuple[str, tuple[int, ...]]], config: bytes = CONFIG) -> Path:
        place = tmp_path / name
        place.mkdir()
        (place / "model.safetensors").write_bytes(weights(tensors))
        (place / "config.json").write_bytes(config)
        return place

    return write


def revision(commit: str, tensors: dict[str, tuple[str, tuple[int, ...]]]) -> Revision:
    return Revision(commit=commit, files={"model.safetensors": weights(tensors), "config.json": CONFIG})


@pytest.fixture
def repository(hub: LoopbackHub) -> str:
    """A repository whose pull request doubles an embedding."""
    pull = revision(PR, bert(vocabulary=200))
    main = revision(BASE, bert())
    made = Repository(
        repo_id="org/bert",
        commit=BASE,
        files=main.files,
        branches={"refs/pr/4": pull, "wide": pull},
        tags={"v1": main, "v2": pull},
    )
    return hub.add_repository(made).repo_id


def test_two_revisions_in_one_word(memscan, repository):
    code, out, err = memscan("diff", f"{repository}@main..refs/pr/4", "--json")
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA)
    assert (code, err) == (0, "")
    assert (found["before"]["commit"], found["after"]["commit"]) == (BASE, PR)
    assert found["growth"] == {"bytes": 3200, "share": pytest.approx(3200 / (3200 + 2 * 800)), "parameters": 800, "tensors": 0}
    (group,) = found["groups"]
    assert (group["name"], group["kinds"]) == ("embeddings.word_embeddings.weight", ["resized"])
    assert group["shapes"] == [[100, 8], [200, 8]]


@pytest.mark.parametrize(
    "words",
    [
        ("org/bert@v1..v2",), ("org/bert@v1", "org/bert@v2"), ("org/bert", "--revision", "v1..v2"), ("org/bert@..wide",),
        ("hf://org/bert@v1..v2/model.safetensors",), ("org/bert", "org/bert@wide"),
    ],
)  # fmt: skip
def test_every_way_to_write_it(memscan, repository, words):
    code, out, _ = memscan("diff", *words, "--format", "csv")
    assert code == 0
    assert ",resized,embeddings.word_embeddings.weight,," in out


def test_a_branch_that_doubles_an_embedding_is_caught(memscan, repository):
    code, out, err = memscan("diff", f"{repository}@main..refs/pr/4", "--fail-on-growth", "5%")
    assert (code, err) == (1, "")
    assert "| resized | embeddings.word_embeddings.weight |" in out
    assert "F32 [100, 8] -> [200, 8]" in out
    assert re.search(
        r"^Exceeded: org/bert@refs/pr/4: total size 8,000 bytes .* exceeds 5% more than the 4,800 bytes", out, re.MULTILINE
    )
    assert memscan("diff", f"{repository}@main..refs/pr/4", "--fail-on-growth", "70%")[0] == 0
    assert memscan("diff", f"{repository}@refs/pr/4..main", "--fail-on-growth", "0")[0] == 0
    assert memscan("diff", f"{repository}@main..refs/pr/4", "--fail-on-growth", "3200B")[0] == 0
    assert memscan("diff", f"{repository}@main..refs/pr/4", "--fail-on-growth", "3199B")[0] == 1


def test_a_pull_request_as_github_shows_it(repository, hub, tmp_path):
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    done = run_memscan(
        hub, "diff", f"{repository}@main..refs/pr/4", "--fail-on-growth", "5%", "--format", "github",
        env={"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)},
    )  # fmt: skip
    assert done.code == 1
    assert done.stdout.startswith("::error ")
    text = summary.read_text()
    assert "**Exceeded: " in text
    assert "| resized | embeddings.word\\_embeddings.weight | 1 |" in text
    assert "<details><summary>Modules</summary>" in text
    assert "exceeded" in output.read_text()


@pytest.mark.parametrize("output", GATES)
def test_formats_of_ci_systems_have_the_finding(memscan, repository, output):
    code, out, _ = memscan("diff", f"{repository}@main..refs/pr/4", "--fail-on-growth", "5%", "--format", output)
    assert code == 1
    assert "org/bert" in out
    assert memscan("diff", f"{repository}@main..v1", "--fail-on-growth", "5%", "--format", output)[0] == 0
    code, out, err = memscan("diff", f"{repository}@main..gone", "--fail-on-growth", "5%", "--format", output)
    assert code == 3
    assert "gone" in out
    assert "gone" in err


@pytest.mark.parametrize("output", GATES)
def test_formats_of_ci_systems_need_a_limit(memscan, repository, output, hub):
    code, out, err = memscan("diff", f"{repository}@main..refs/pr/4", "--format", output)
    assert (code, out) == (2, "")
    assert "--fail-on-growth" in err
    assert hub.requests == ()


def test_a_folder_against_the_hub(memscan, repository, folder):
    place = folder("local", bert(layers=3))
    code, out, err = memscan("diff", repository, place, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert {group["name"]: group["tensors"] for group in found["groups"]} == {
        f"encoder.layer.*.attention.self.{name}.weight": 1 for name in ("query", "key", "value")
    } | {"encoder.layer.*.output.LayerNorm.bias": 1}
    assert found["changed"]["added"]["tensors"] == 4
    assert found["unchanged"]["tensors"] == 9


@pytest.mark.parametrize("output", FORMATS)
def test_every_format_names_both_sides_and_the_change(memscan, folder, output):
    one, other = folder("one", bert()), folder("other", bert(dtype="BF16"))
    code, out, err = memscan("diff", one, other, "--format", output)
    assert (code, err) == (0, "")
    for words in ("BF16", "one", "other"):
        assert words in out
    if output == "json":
        jsonschema.validate(json.loads(out), SCHEMA)


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("every", [(), ("--all",)])
def test_a_model_and_itself(memscan, models, output, every):
    code, out, err = memscan("diff", models / "llama", models / "llama", "--format", output, "--fail-on-growth", "0", *every)
    assert (code, err) == (0, "")
    if output == "json":
        found = json.loads(out)
        jsonschema.validate(found, SCHEMA)
        assert found["identical"] is True
        assert found["growth"]["bytes"] == 0
        assert found["limit"]["outcome"] == "within"
        assert found["tensors"] == ([] if every else None)
    elif output != "csv":
        assert "No difference: 291 tensors, 16,060,522,496 bytes (14.96 GiB) in both" in out


def test_all_has_a_line_for_each_tensor(memscan, folder):
    one, other = folder("one", bert(prefix="bert.")), folder("other", bert(vocabulary=200, layers=3))
    found = json.loads(memscan("diff", one, other, "--all", "--json")[1])
    jsonschema.validate(found, SCHEMA)
    kinds = {tensor["name"]: tensor["kinds"] for tensor in found["tensors"]}
    assert kinds["embeddings.word_embeddings.weight"] == ["renamed", "resized"]
    assert kinds["encoder.layer.1.attention.self.key.weight"] == ["renamed"]
    assert kinds["encoder.layer.2.attention.self.key.weight"] == ["added"]
    rows = list(csv.DictReader(io.StringIO(memscan("diff", one, other, "--all", "--format", "csv")[1])))
    assert len([row for row in rows if row["change"] not in ("total", "unchanged")]) == len(kinds)
    table = memscan("diff", one, other, "--all")[1]
    assert "embeddings.word_embeddings.weight (was bert.embeddings.word_embeddings.weight)" in table


@pytest.mark.parametrize("every", [(), ("--all",)])
def test_the_lines_of_csv_add_up_to_its_total(memscan, folder, every):
    one, other = folder("one", bert(prefix="bert.")), folder("other", bert(vocabulary=200, layers=3, dtype="BF16"))
    rows = list(csv.DictReader(io.StringIO(memscan("diff", one, other, "--format", "csv", *every)[1])))
    assert rows[0]["change"] == "total"
    for column in ("before_bytes", "after_bytes", "growth_bytes"):
        assert sum(int(row[column]) for row in rows[1:]) == int(rows[0][column])


def test_the_rest_is_summed_up(memscan, folder):
    one, other = folder("one", bert()), folder("other", {f"new{n}.weight": ("F32", (n + 1,)) for n in range(30)})
    out = memscan("diff", one, other, "--top", "3")[1]
    assert "and 32 more such lines" in out
    numbers = [
        int(row.split("|")[5].replace(",", ""))
        for row in out.splitlines()
        if row.startswith(("| added", "| removed")) and "|-" not in row
    ]
    assert sum(numbers) == json.loads(memscan("diff", one, other, "--json")[1])["growth"]["bytes"]


def test_renames_are_one_line(memscan, folder):
    out = memscan("diff", folder("one", bert(prefix="bert.", layers=9)), folder("other", bert(layers=9)))[1]
    assert len([row for row in out.splitlines() if "**" in row and row.startswith("| ")]) == 1
    assert "| bert.**      | ** |      37 |" in out


@pytest.mark.parametrize("seed", range(6))
def test_the_kinds_are_those_that_the_reference_library_sees(memscan, tmp_path, seed):
    """safetensors itself opens both files; names are such that nothing can be taken for a rename."""
    source = random.Random(seed)
    files = []
    for label in ("one", "other"):
        tensors = {}
        for n in range(60):
            if source.random() < 0.8:
                dtype = source.choice(["F32", "F32", "BF16", "F16"])
                tensors[f"m{n}.w"] = (
                    dtype,
                    (source.choice([n + 1, n + 1, n + 2]), 3 if label == "one" else source.choice([3, 3, 5])),
                )
            if source.random() < 0.3:
                tensors[f"{label}{n}.w"] = ("I8" if label == "one" else "U8", (n + 100,))
        path = tmp_path / f"{label}.safetensors"
        path.write_bytes(weights(tensors))
        files.append(path)
    seen = []
    for path in files:
        with safe_open(path, framework="numpy") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 -- it is no mapping
            seen.append({name: (one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()})
    before, after = seen
    found = json.loads(memscan("diff", *files, "--all", "--json")[1])
    kinds = {(tensor["name"], tuple(tensor["kinds"])) for tensor in found["tensors"]}
    renamed = {tensor["old_name"] for tensor in found["tensors"]} | {one["name"] for one in found["tensors"] if one["old_name"]}
    expected = {(name, ("added",)) for name in after.keys() - before.keys() - renamed}
    expected |= {(name, ("removed",)) for name in before.keys() - after.keys() - renamed}
    for name in before.keys() & after.keys():
        both = [("resized", 1), ("dtype", 0)]
        differing = tuple(kind for kind, place in both if before[name][place] != after[name][place])
        expected |= {(name, differing)} if differing else set()
    assert {one for one in kinds if "renamed" not in one[1]} == expected
    assert found["growth"]["bytes"] == sum(safetensors.nbytes(*one) for one in after.values()) - sum(
        safetensors.nbytes(*one) for one in before.values()
    )


def test_a_quantized_model_is_compared_by_its_logical_tensors(memscan, models, tmp_path):
    dense = materialise(FIXTURES / "meta-llama/Llama-3.1-8B", tmp_path / "dense")
    packed = materialise(FIXTURES / "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", tmp_path / "packed")
    found = json.loads(memscan("diff", tmp_path / "dense", tmp_path / "packed", "--json")[1])
    assert (dense, packed) == (dense, packed)
    assert set(found["changed"]) == {"dtype"}
    assert found["changed"]["dtype"]["tensors"] == 32 * 7
    assert found["growth"]["parameters"] == 0
    assert {tuple(group["dtypes"]) for group in found["groups"]} == {("BF16", "compressed-tensors-4bit")}


def test_a_scope_of_a_class(memscan, models, folder):
    found = json.loads(memscan("diff", models / "bert-base-cased", models / "bert-base-cased", "--scope", "base", "--json")[1])
    assert found["scope"] == "base"
    assert found["after"]["class"] == "BertModel"
    odd = folder("odd", bert(), b'{"architectures": ["Nothing"], "model_type": "nothing"}')
    found = json.loads(memscan("diff", models / "bert-base-cased", odd, "--scope", "base", "--json")[1])
    assert found["scope"] == "checkpoint"
    assert "scope-unknown" in [note["code"] for note in found["after"]["notes"]]


def test_a_saved_report(memscan, folder, tmp_path):
    place, other = folder("one", bert()), folder("other", bert(vocabulary=200))
    report, tree = tmp_path / "report.json", tmp_path / "tree.json"
    memscan(place, "--json", "-o", report)
    memscan("layers", place, "--json", "-o", tree, "--depth", "4", "--scope", "checkpoint")
    for saved, level in ((report, "totals"), (tree, "modules")):
        found = json.loads(memscan("diff", saved, other, "--json", "--fail-on-growth", "5%")[1])
        jsonschema.validate(found, SCHEMA)
        assert (found["level"], found["before"]["saved"], found["growth"]["bytes"]) == (level, True, 3200)
        assert found["limit"]["fails"] is True
        assert json.loads(memscan("diff", saved, place, "--json")[1])["identical"] is True
        for output in FORMATS:
            assert memscan("diff", saved, other, "--format", output)[0] == 0
    assert memscan("diff", tree, other, "--scope", "declared")[0] == 2
    assert memscan("diff", report, other, "--revision", "v1")[0] == 2
    assert json.loads(memscan("diff", report, other, "--scope", "base", "--json")[1])["scope"] == "base"


@pytest.mark.parametrize("name", ["gptq", "bert-base-cased", "resnet50", "gpt2"])
def test_a_saved_report_of_a_real_model_is_the_model(memscan, models, tmp_path, name):
    report, tree = tmp_path / "report.json", tmp_path / "tree.json"
    memscan(models / name, "--json", "-o", report)
    memscan("layers", models / name, "--json", "-o", tree)
    for scope in ("checkpoint", "declared", "base"):
        assert json.loads(memscan("diff", report, models / name, "--json", "--scope", scope)[1])["identical"] is True
    found = json.loads(memscan("diff", models / name, tree, "--json")[1])
    assert found["identical"] is True
    assert found["scope"] == json.loads(tree.read_text())["scope"]
    assert json.loads(memscan("diff", report, tree, "--json", "--scope", found["scope"])[1])["identical"] is True


def test_a_saved_report_without_the_scope(memscan, folder, tmp_path):
    place, report = folder("odd", bert(), b"{}"), tmp_path / "report.json"
    memscan(place, "--json", "-o", report)
    found = json.loads(memscan("diff", report, folder("one", bert()), "--scope", "base", "--json")[1])
    assert (found["scope"], found["identical"]) == ("checkpoint", True)
    assert "scope-unknown" in [note["code"] for note in found["before"]["notes"]]


def test_an_index_of_a_checkpoint_is_a_target_still(memscan, folder):
    place = folder("one", bert())
    index = {"metadata": {"total_size": 4800}, "weight_map": dict.fromkeys(bert(), "model.safetensors")}
    path = place / "model.safetensors.index.json"
    path.write_text(json.dumps(index))
    found = json.loads(memscan("diff", path, place, "--json")[1])
    assert (found["level"], found["identical"]) == ("tensors", True)


@pytest.mark.parametrize("output", FORMATS)
def test_hostile_names_are_shown_as_words(memscan, folder, output):
    one = folder("one", {HOSTILE: ("F32", (2,)), "x" * 5_000: ("F32", (3,))})
    other = folder("other", {HOSTILE: ("F32", (4,)), f"=cmd.{HOSTILE}.0": ("F32", (5,))})
    code, out, _ = memscan("diff", one, other, "--format", output)
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    if output == "json":
        jsonschema.validate(json.loads(out), SCHEMA)
        assert HOSTILE in {group["name"] for group in json.loads(out)["groups"]}
    if output == "csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        assert not [value for row in rows for key, value in row.items() if key in ("name", "old_name") and value.startswith("=")]
    if output == "markdown":
        assert "<b>" not in out
        assert "@org" not in out
    if output in ("table", "markdown"):
        assert max(map(len, out.splitlines())) < 2_000


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["one"], 2, "diff compares two models"),
        (["one", "one", "one"], 2, "3 targets"),
        (["one", "absent.safetensors"], 3, "absent.safetensors"),
        (["absent.safetensors", "gone.safetensors"], 3, "gone.safetensors"),
        (["one", "org/nothing"], 3, "org/nothing"),
        (["one", "broken"], 5, "broken"),
        (["broken", "org/nothing"], 5, "org/nothing"),
        (["one", "one", "--fail-on-growth", "5"], 2, "two meanings"),
        (["one", "one", "--fail-on-growth", "much"], 2, "is no growth"),
        (["one", "one", "--top", "0"], 2, "--top"),
        (["one", "list.json"], 5, "expected a JSON object"),
    ],
)
def test_what_cannot_be_compared(memscan, folder, *, hub, tmp_path, monkeypatch, words, code, said):
    folder("one", bert())
    (folder("broken", bert()) / "model.safetensors").write_bytes(b"\x05")
    (tmp_path / "list.json").write_text("[]")
    monkeypatch.chdir(tmp_path)
    found, out, err = memscan("diff", *words)
    assert (found, out) == (code, "")
    assert said in err


def test_one_side_that_is_given_twice_is_read_once(memscan, repository, hub):
    memscan("diff", repository, repository)
    once = len(hub.requests)
    memscan(repository)
    assert len(hub.requests) <= 2 * once


def test_the_answer_in_a_file_and_the_verdict_on_standard_error(memscan, repository, tmp_path):
    path = tmp_path / "comment.md"
    code, out, err = memscan("diff", f"{repository}@v1..v2", "--format", "markdown", "-o", path, "--fail-on-growth", "0")
    assert (code, out) == (1, "")
    assert err.startswith("memscan: org/bert@v2: total size 8,000 bytes")
    assert path.read_text().startswith("### `org/bert@v1` → `org/bert@v2`")


def test_a_snapshot_is_a_baseline_by_tensors(memscan, repository, tmp_path):
    path = tmp_path / "base.memscan"
    assert memscan("snapshot", f"{repository}@v1", "-o", path)[0] == 0
    found = json.loads(memscan("diff", path, f"{repository}@v2", "--json")[1])
    assert (found["level"], found["before"]["commit"], found["growth"]["bytes"]) == ("tensors", BASE, 3200)


def test_a_gguf_file_beside_its_model(memscan, tmp_path):
    """Names of llama.cpp and of transformers, blocks of 32 values in 34 bytes and bfloat16: tensors are matched nevertheless."""
    hf, ggml = {}, []
    q8_0, f32 = 8, 0
    shapes = {
        ("attn_q", "self_attn.q_proj"): (64, 64),
        ("attn_k", "self_attn.k_proj"): (32, 64),
        ("ffn_down", "mlp.down_proj"): (64, 96),
    }
    for layer in range(3):
        for (ours, theirs), shape in shapes.items():
            hf[f"model.layers.{layer}.{theirs}.weight"] = ("BF16", shape)
            nbytes = shape[0] * shape[1] // 32 * 34
            ggml.append(gguf.Tensor(name=f"blk.{layer}.{ours}.weight", ne=shape[::-1], kind=q8_0, nbytes=nbytes))
        ggml.append(gguf.Tensor(name=f"blk.{layer}.attn_norm.weight", ne=(64,), kind=f32, nbytes=256))
    (tmp_path / "model.safetensors").write_bytes(weights(hf))
    keys = [("general.architecture", gguf.STRING, "llama")]
    (tmp_path / "model.gguf").write_bytes(gguf.Writer().file(keys, ggml))
    found = json.loads(memscan("diff", tmp_path / "model.safetensors", tmp_path / "model.gguf", "--json")[1])
    jsonschema.validate(found, SCHEMA)
    assert {(group["old_name"], group["name"], *group["dtypes"]) for group in found["groups"] if group["old_name"]} == {
        ("model.layers.*.self_attn.q_proj.weight", "blk.*.attn_q.weight", "BF16", "Q8_0"),
        ("model.layers.*.self_attn.k_proj.weight", "blk.*.attn_k.weight", "BF16", "Q8_0"),
        ("model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight", "BF16", "Q8_0"),
    }
    assert found["changed"]["added"]["tensors"] == 3


def test_an_adapter_whose_base_is_not_there(memscan, hub, folder):
    """What is missing on both sides is said, and does not close the gate; on one side it does."""
    lora = folder("lora", {"a.lora_A.weight": ("F32", (8, 8))})
    (lora / "adapter_model.safetensors").write_bytes((lora / "model.safetensors").read_bytes())
    (lora / "model.safetensors").unlink()
    (lora / "config.json").unlink()
    (lora / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "org/absent"}))
    code, out, _ = memscan("diff", lora, lora, "--fail-on-growth", "0")
    assert code == 0
    assert "Not known: " in out
    code, out, _ = memscan("diff", folder("one", bert()), lora, "--fail-on-growth", "0")
    assert code == 1
    assert "the base model" in out


@pytest.mark.parametrize("variable", ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"])
@pytest.mark.parametrize("place", ["/nonexistent/file", "x" * 300])
def test_what_github_cannot_be_told_changes_no_verdict(memscan, checkpoint, monkeypatch, variable, place):
    monkeypatch.setenv(variable, place)
    small = checkpoint("a").with_name("small.safetensors")
    small.write_bytes(checkpoint("a").read_bytes())
    large = checkpoint("a", "b")
    words = ("--fail-on-growth", "0", "--format", "github")
    code, out, err = memscan("diff", small, large, *words)
    assert code == 1
    assert out
    assert variable in err
    assert "grow" in err.lower() or "exceed" in err.lower()
    assert memscan("diff", small, small, *words)[0] == 0
    assert memscan("diff", small, "absent.safetensors", *words)[0] == 3


def test_saved_module_trees_of_different_depth_are_compared_at_the_shallower(memscan, models, tmp_path):
    for depth in (2, 64):
        code, out, _ = memscan("layers", models / "gpt2", "--json", "--depth", depth)
        assert code == 0
        (tmp_path / f"{depth}.json").write_text(out)
    code, out, _ = memscan("diff", tmp_path / "2.json", tmp_path / "64.json", "--json")
    assert code == 0
    assert json.loads(out)["identical"] is True
    assert json.loads(memscan("diff", tmp_path / "64.json", tmp_path / "2.json", "--json")[1])["identical"] is True
