"""Words of `memscan check` that would be ignored, or misread, or shown with what is secret in them."""

import json

import pytest

from memscan.size import parse_size
from tests.hub import FIXTURES, materialise


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    """No file of budgets is found but those that a test writes."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def variants(checkpoint):
    """A folder with weights in two variants: `model` of one tensor, `model.fp16` of `names`."""

    def write(folder: str, *names: str) -> str:
        place = checkpoint("a").parent / folder
        place.mkdir()
        (place / "model.safetensors").write_bytes(checkpoint("a", "b", "c").read_bytes())
        (place / "model.fp16.safetensors").write_bytes(checkpoint(*names).read_bytes())
        return str(place)

    return write


@pytest.mark.parametrize("output", ["table", "json", "github", "sarif", "junit", "gitlab", "markdown", "csv"])
@pytest.mark.parametrize("words", [("--max-memory", "1GB"), ("--against-config",)])
def test_no_output_shows_the_secrets_of_a_url(memscan, output, words):
    target = "http://user:PASSWORD@127.0.0.1:9/model.safetensors?sig=SIGNATURE"
    code, out, err = memscan("check", target, *words, "--format", output)
    assert code == 4
    assert "127.0.0.1:9/model.safetensors" in out + err
    assert "PASSWORD" not in out + err
    assert "SIGNATURE" not in out + err


@pytest.mark.parametrize("words", [("--what", "inference"), ("--baseline", "x"), ("--max-growth", "5%")])
def test_nor_does_a_complaint_about_the_words(memscan, words):
    code, out, err = memscan("check", "http://user:PASSWORD@127.0.0.1:9/model.safetensors?sig=SIGNATURE", *words)
    assert code == 2
    assert "PASSWORD" not in out + err
    assert "SIGNATURE" not in out + err


def test_nor_does_a_baseline(memscan, models):
    baseline = "http://user:PASSWORD@127.0.0.1:9/model.safetensors?sig=SIGNATURE"
    code, out, err = memscan("check", models / "gpt2", "--baseline", baseline, "--max-growth", "5%", "--json")
    assert code == 4
    assert json.loads(out)["findings"][0]["rule"] == "baseline"
    assert "PASSWORD" not in out + err
    assert "SIGNATURE" not in out + err


@pytest.mark.parametrize(
    "words", [("--budget", "none.toml"), ("--what", "training", "--lora", "nonsense"), ("--dtype", "int4"), ("--context", "4096")]
)
def test_beside_against_config_no_word_is_ignored(memscan, models, words):
    code, out, err = memscan("check", "--against-config", models / "gpt2", *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert memscan("check", "--against-config", models / "gpt2", "--unknown", "warn")[0] == 0


def test_a_baseline_is_read_with_the_choice_of_files_of_its_target(memscan, variants):
    before, after = variants("before", "a"), variants("after", "a", "b")
    grown = ("--baseline", before, "--max-growth", "5%")
    assert memscan("check", after, *grown)[0] == 0
    assert memscan("check", after, "--variant", "fp16", *grown)[0] == 1
    assert memscan("check", after, "--file", "model.fp16.safetensors", *grown)[0] == 1


def test_the_largest_layer_stands_on_one_device(memscan, tmp_path):
    materialise(FIXTURES / "meta-llama/Llama-3.1-8B", tmp_path / "llama")
    words = ("check", tmp_path / "llama", "--what", "largest-layer", "--device")
    assert memscan(*words, "512MiB")[0] == memscan(*words, "4x512MiB")[0] == 1
    assert memscan(*words, "2GiB")[0] == 0


@pytest.mark.parametrize("growth", ["5 percent", "5.5", "50", ".5", "-1%", "ten"])
def test_a_growth_that_is_none_is_refused_with_its_line_before_anything_is_read(memscan, tmp_path, growth):
    text = f'[[budget]]\ntarget = "absent.safetensors"\nbaseline = "absent"\nmax-growth = "{growth}"\n'
    (tmp_path / "memscan.toml").write_text(text)
    code, out, err = memscan("check")
    assert (code, out) == (2, "")
    assert err.startswith("memscan: memscan.toml:1: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("word", "nbytes"),
    [
        ("999.99999999999999999999999999999 B", 999),
        ("1.9999999999999999999999999999999B", 1),
        ("1.5GiB", 3 * 2**29),
        (".5kB", 500),
        ("2.", 2),
        ("0.001kB", 1),
    ],
)
def test_a_size_is_never_rounded_up(word, nbytes):
    assert parse_size(word) == nbytes
