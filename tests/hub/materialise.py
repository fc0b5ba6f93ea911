"""Fixture folders: kept small in the repository, made whole in a temporary folder.

A fixture is `fixtures/hub/<organisation>/<name>/`. Weights are kept as `X.safetensors.head`, the first 8 + N bytes of
the real file (https://huggingface.co/docs/safetensors: header length, then N bytes of JSON).
"""

import json
import shutil
import struct
from pathlib import Path

from .repository import Repository

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "hub"
HEAD = ".head"
ABOUT = "repository.json"  # what the Hub knows beside the files; never served itself
LENGTH = struct.Struct("<Q")


def materialise(fixture: Path, folder: Path) -> None:
    """Copy a fixture into a folder; each `X.safetensors.head` becomes a sparse `X.safetensors` of the true size."""
    for source in sorted(path for path in fixture.rglob("*") if path.is_file()):
        target = folder / source.relative_to(fixture)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.name.endswith(".safetensors" + HEAD):
            _grow(source, target.with_name(target.name.removesuffix(HEAD)))
        else:
            shutil.copyfile(source, target)


def load_fixtures(folder: Path) -> list[Repository]:
    """Return the repositories of a folder of materialised fixtures, `<organisation>/<name>/` each."""
    return [_load(place) for place in sorted(folder.glob("*/*")) if place.is_dir()]


def _grow(head: Path, target: Path) -> None:
    header = head.read_bytes()
    (length,) = LENGTH.unpack_from(header)
    if len(header) != LENGTH.size + length:
        raise ValueError(f"{head}: {len(header)} bytes, but its header says {LENGTH.size + length}")
    tensors = json.loads(header[LENGTH.size :])
    ends = (tensor["data_offsets"][1] for name, tensor in tensors.items() if name != "__metadata__")
    with target.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + max(ends, default=0))


def _load(place: Path) -> Repository:
    about = json.loads((place / ABOUT).read_bytes()) if (place / ABOUT).exists() else {}
    files = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}
    files.pop(ABOUT, None)
    return Repository(
        repo_id=f"{place.parent.name}/{place.name}",
        files=files,
        commit=about.get("commit", ""),
        aliases=tuple(about.get("aliases", ())),
        library=about.get("library"),
        gated=about.get("gated") or None,
        private=about.get("private", False),
        disabled=about.get("disabled", False),
        readers=frozenset(about.get("readers", ())),
        info=about.get("info", {}),
    )
