"""The repositories that the contract tests read."""

import json

from tests.hub import Repository, Revision

READER = "hf_reader_token"
CONFIG = b'{"architectures": ["BertForMaskedLM"], "model_type": "bert", "hidden_size": 4}'
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
BRANCH, PULL_REQUEST, TAG = "b" * 40, "c" * 40, "d" * 40


def weights(*names: str) -> bytes:
    """Return a safetensors file: each tensor is F32 of shape [2, 3]. https://huggingface.co/docs/safetensors."""
    tensors = {
        name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [24 * place, 24 * place + 24]} for place, name in enumerate(names)
    }
    header = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(24 * len(names))


def index(**places: str) -> bytes:
    """Return the index of a sharded checkpoint."""
    return json.dumps({"metadata": {"total_size": 24 * len(places)}, "weight_map": places}).encode()


def single() -> Repository:
    """Return a repository with one weight file, other revisions and a former name."""
    files = {"config.json": CONFIG, "model.safetensors": weights("a", "b"), "1_Pooling/config.json": b"{}"}
    return Repository(
        repo_id="google-bert/bert-base-cased",
        files=files,
        branches={
            "feature/x#1": Revision(commit=BRANCH, files={"config.json": b'{"branch": true}'}),
            "refs/pr/4": Revision(commit=PULL_REQUEST, files={"model.safetensors": weights("c")}),
        },
        tags={"v1.0": Revision(commit=TAG, files={"config.json": b'{"tag": true}'})},
        aliases=("bert-base-cased",),
        library="transformers",
    )


def sharded() -> Repository:
    """Return a repository with an index and two shards."""
    files = {
        "model.safetensors.index.json": index(a=SHARDS[0], b=SHARDS[1]),
        SHARDS[0]: weights("a"),
        SHARDS[1]: weights("b"),
    }
    return Repository(repo_id="org/sharded", files=files)


def gated() -> Repository:
    """Return a repository whose files are for readers only."""
    return Repository(repo_id="meta-llama/gated", files={"config.json": CONFIG}, gated="manual", readers=frozenset({READER}))


def private() -> Repository:
    """Return a repository that only readers know of."""
    return Repository(repo_id="org/private", files={"config.json": CONFIG}, private=True, readers=frozenset({READER}))


def disabled() -> Repository:
    """Return a repository that was taken down."""
    return Repository(repo_id="org/disabled", files={"config.json": CONFIG}, disabled=True)
