"""The logs of fixtures/cache: what engines printed of their KV caches, by family."""

import json
from collections.abc import Iterator
from typing import Any

from tools.measured.records import FOLDER
from tools.measured.row import GIB, MIB, Group, Row

from memscan.architecture.gguf_keys import words as gguf_words
from memscan.architecture.settings import Settings
from memscan.cache import CacheRequest, kept
from memscan.item import Item

LOGS = FOLDER.parent / "cache"
BLOCK, SWAP = 16, 4 * GIB


def groups() -> Iterator[Group]:
    """One of each engine."""
    yield Group(name="caches-llama-cpp", rows=[_of_llama_cpp(log) for log in _logs("llama_cpp")], unit="MiB", is_brief=True)
    yield Group(name="caches-vllm", rows=[row for log in _logs("vllm") for row in _of_vllm(log)], is_brief=True)


def _logs(name: str) -> list[dict[str, Any]]:
    return list(json.loads((LOGS / f"{name}.json").read_text()))


def _items(values: dict[str, Any], **asked: Any) -> tuple[Item, ...]:
    words = {"sequences": 1, "model_dtype": "bfloat16", **asked}
    return tuple(item for item in kept(Settings(values.get("model_type"), values), CacheRequest(**words)) if item.nbytes)


def _of_llama_cpp(log: dict[str, Any]) -> Row:
    keys = {key: tuple(value) if isinstance(value, list) else value for key, value in log["keys"].items()}
    items = _items(
        dict(gguf_words(keys)), engine="llama.cpp", tokens=log["context"], sequences=log["sequences"], dtype=log["dtype"]
    )
    states = [item for item in items if not item.name.startswith("KV")]
    if len(log["mib"]) < len(items) - max(len(states) - 1, 0):  # the log has the states alone
        items = tuple(states)
    return Row(
        id=log["model"], what=log["keys"]["general.architecture"], quantity="cache", measured=sum(log["mib"]) * MIB,
        predicted=sum(item.nbytes or 0 for item in items),
    )  # fmt: skip


def _of_vllm(log: dict[str, Any]) -> Iterator[Row]:
    asked = {
        "engine": "vllm", "model_dtype": log["dtype"], "dtype": log.get("kv_dtype"), "tensor_parallel": log["tensor_parallel"],
    }  # fmt: skip
    what = log["config"]["model_type"]
    if "gib" in log:
        held = sum(item.nbytes or 0 for item in _items(log["config"], tokens=log["tokens"], **asked))
        yield Row(id=log["model"], what=what, quantity="cache", measured=log["gib"] * GIB, predicted=held)
    if "cpu_blocks" in log:
        block = sum(item.nbytes or 0 for item in _items(log["config"], tokens=BLOCK, **asked))
        yield Row(id=log["model"], what=what, quantity="blocks", measured=log["cpu_blocks"], predicted=SWAP // block)
