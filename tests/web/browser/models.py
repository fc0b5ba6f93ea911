"""What the loopback Hub of the browser serves: fixtures of real models, and small ones of every kind."""

from pathlib import Path

from tests.hub import FIXTURES, Discussion, Repository, load_fixtures, materialise
from tests.layouts.files import CONFIG, gguf, torch_zip
from tests.parts.layouts import pipeline
from tests.source.models import weights

READER = "hf_reader_token"
READ_ONLY = "hf_read_only_token"
HOSTILE = "x.<img src=q onerror=document.title=1>.${document.title=2}.{{document.title}}"
SMALL = {"model.safetensors": weights("a", "b")}
REAL = ("google-bert/bert-base-cased", "bigscience/bloom", "meta-llama/Llama-3.1-8B", "Qwen/Qwen3-30B-A3B")


def repositories(folder: Path) -> list[Repository]:
    """All of them; real ones are laid out below `folder`."""
    for name in REAL:
        materialise(FIXTURES / name, folder / name)
    taken = (Discussion(num=1, title="Memory needed to load and train this model [memscan]", author="someone"),)
    return [
        *load_fixtures(folder),
        Repository(repo_id="org/pipeline", files=pipeline(), library="diffusers"),
        Repository(repo_id="org/gguf", files={"model-Q8_0.gguf": gguf("Q8_0"), "model-F16.gguf": gguf("F16")}, library="gguf"),
        Repository(repo_id="org/torch", files={"pytorch_model.bin": torch_zip(), "config.json": CONFIG}),
        Repository(repo_id="org/gated", files=SMALL, gated="manual", readers=frozenset({READER})),
        Repository(repo_id="org/hostile", files={"model.safetensors": weights(HOSTILE, "a")}),
        Repository(repo_id="org/taken", files=SMALL, discussions=taken),
        Repository(repo_id="org/single", files=SMALL),
    ]
