"""What is measured: the repository, how the Hub serves it, and which programs do the same work."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hub import FIXTURES, materialise

from benchmarks.shapes import deepseek, gguf_file, kimi, llama, torch_file

LATENCIES = (0.0, 0.02, 0.05, 0.15)
SINGLE, FOUR, MANY = "google-bert/bert-base-cased", "meta-llama/Llama-3.1-8B", "bigscience/bloom"
MADE: dict[str, Callable[[Path], None]] = {
    llama.REPO_ID: llama.write, deepseek.REPO_ID: deepseek.write, kimi.REPO_ID: kimi.write,
    torch_file.REPO_ID: torch_file.write, gguf_file.REPO_ID: gguf_file.write,
}  # fmt: skip
"""Repositories that are made when they are measured; all others are fixtures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scan."""

    name: str
    repo: str
    file: str = ""
    """The file whose header the floor reads, where the repository has no one-request endpoint to ask."""
    programs: tuple[str, ...] = ()
    """Those beside memscan and the floor that do the same work here."""
    latencies: tuple[float, ...] = LATENCIES
    endpoint: bool = True
    """Whether the Hub has its one-request endpoint for safetensors metadata."""
    is_warm: bool = False
    """Whether a run before it has filled the cache."""
    is_local: bool = False
    """Whether the repository's folder is scanned, without any Hub."""
    tls: bool = False
    """Whether it is also measured over TLS."""
    quick: bool = False
    """Whether a quick run measures it."""

    @property
    def sharded(self) -> bool:
        """Whether the floor takes all headers from one reply."""
        return self.endpoint and not self.file


BERT, HEADS = "model.safetensors", ("hf-mem", "get_safetensors_metadata")
SHARDED = (*HEADS, "get_sharded_safetensors_metadata", "modelinfo-cli")
LLAMA_4, BLOOM_1 = "model-00001-of-00004.safetensors", "model_00002-of-00072.safetensors"
LLAMA_191 = "model-00001-of-00191.safetensors"
DEEPSEEK_1, KIMI_1 = "model-00001-of-000163.safetensors", "model-00001-of-000096.safetensors"
FEW = (0.0, 0.05)  # what takes long, and peers over TLS, are measured at these alone

CASES = (
    Case(name="single file", repo=SINGLE, file=BERT, programs=(*HEADS, "modelinfo-cli", "accelerate"), tls=True, quick=True),
    Case(name="4 shards", repo=FOUR, programs=SHARDED, tls=True, quick=True),
    Case(name="72 shards", repo=MANY, programs=SHARDED, tls=True, quick=True),
    Case(name="191 shards", repo=llama.REPO_ID, programs=SHARDED, tls=True, quick=True),
    Case(name="4 shards, no endpoint", repo=FOUR, file=LLAMA_4, endpoint=False),
    Case(name="72 shards, no endpoint", repo=MANY, file=BLOOM_1, endpoint=False),
    Case(name="191 shards, no endpoint", repo=llama.REPO_ID, file=LLAMA_191, endpoint=False, tls=True, quick=True),
    Case(name=".bin", repo=torch_file.REPO_ID, file="pytorch_model.bin"),
    Case(name="GGUF, 10 MB header", repo=gguf_file.REPO_ID, file=gguf_file.FILE, programs=("hf-mem",)),
    Case(name="101,375 tensors", repo=deepseek.REPO_ID, programs=SHARDED, latencies=FEW, quick=True),
    Case(name="101,375 tensors, no endpoint", repo=deepseek.REPO_ID, file=DEEPSEEK_1, endpoint=False, latencies=FEW),
    Case(name="497,220 tensors", repo=kimi.REPO_ID, programs=SHARDED, latencies=(0.05,)),
    Case(name="497,220 tensors, no endpoint", repo=kimi.REPO_ID, file=KIMI_1, endpoint=False, latencies=(0.05,)),
    Case(name="72 shards, second run", repo=MANY, is_warm=True, quick=True),
    Case(name="folder, 72 shards", repo=MANY, is_local=True, programs=("get_local_safetensors_metadata",), latencies=(0.0,)),
    Case(name="folder, GGUF", repo=gguf_file.REPO_ID, is_local=True, programs=("gguf", "modelinfo-cli"), latencies=(0.0,)),
    Case(name="folder, 101,375 tensors", repo=deepseek.REPO_ID, is_local=True, latencies=(0.0,)),
)  # fmt: skip


def make_repositories(folder: Path, cases: tuple[Case, ...]) -> None:
    """Write every repository that `cases` scan to `folder/ORG/NAME`."""
    for repo in {case.repo for case in cases}:
        if repo in MADE:
            MADE[repo](folder / repo)
        else:
            materialise(FIXTURES / repo, folder / repo)
