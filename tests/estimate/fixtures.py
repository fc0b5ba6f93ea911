"""The header-only fixtures as models."""

import json
from pathlib import Path

from memscan.architecture import Config
from memscan.checkpoint import assemble
from memscan.formats.safetensors import Safetensors
from memscan.model import Model, Origin
from memscan.read import run

HUB = Path(__file__).resolve().parents[2] / "fixtures" / "hub"
REPOSITORIES = tuple(sorted(path.parent.relative_to(HUB).as_posix() for path in HUB.glob("*/*/repository.json")))


def load(repository: str) -> Model:
    """The model whose headers, config and library are kept for `repository`."""
    folder = HUB / repository
    headers, sizes = {}, {}
    for path in sorted(folder.glob("*.safetensors.head")):
        raw, name = path.read_bytes(), path.name.removesuffix(".head")
        table = json.loads(raw[8:])
        sizes[name] = len(raw) + max(one["data_offsets"][1] for key, one in table.items() if key != "__metadata__")
        headers[name] = run(Safetensors().read_header(name, sizes[name]), lambda one, raw=raw: raw[one.start : one.stop])
    return Model(
        origin=Origin(
            requested=repository, name=repository, library=json.loads((folder / "repository.json").read_bytes())["library"]
        ),
        checkpoint=assemble("safetensors", headers, sizes),
        config=Config.parse((folder / "config.json").read_bytes()),
    )
