"""PEFT adapters: the adapter's own weights, and the model that it names as its base.

Layout: `adapter_config.json` beside `adapter_model.*`, its `base_model_name_or_path` and `revision`
(https://huggingface.co/docs/peft/developer_guides/checkpoint).
"""

from pathlib import Path

from memscan.document import Document, shown
from memscan.errors import MemscanError
from memscan.note import Note
from memscan.source import Place, Target, parse_target, target_within

ADAPTER = "adapter_config.json"


def base_target(config: Document, adapter: Target) -> Target | Note:
    """The base model of the adapter `config`, or a note that says why it is not read.

    The name comes from a stranger: of an adapter on the Hub only a repository on the Hub is accepted, never a path here.
    """
    name, revision = config.text("base_model_name_or_path"), config.text("revision") or None
    if not name:
        return _not_read("the adapter does not name its base model")
    try:
        if adapter.snapshot is not None:
            return target_within(adapter.snapshot, name, revision=revision)
        if adapter.place is Place.LOCAL and Path(name).is_dir():
            return parse_target(name)
        return parse_target(f"hf://{name}", revision=revision)
    except (MemscanError, OSError, ValueError):
        where = "no model on the Hub and no folder here" if adapter.place is Place.LOCAL else "no model on the Hub"
        return _not_read(f"the base model is named {shown(name)}, which is {where}")


def base_failed(name: str, error: MemscanError) -> Note:
    """The note for a base model that could not be read: gated, gone."""
    return _not_read(f"the base model {shown(name)} could not be read ({error})")


def _not_read(reason: str) -> Note:
    return Note(code="base-not-read", message=f"{reason}; the numbers are of the adapter alone")
