"""The programs that are measured, and how each is told what to scan."""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.cases import FEW, SINGLE, Case
from benchmarks.hub import Hub
from benchmarks.shapes import gguf_file

HERE = Path(__file__).parent
FIRST = 100_000  # bytes; the floor's one range of a safetensors file or a torch file, whose headers here are shorter
INDEX = "model.safetensors.index.json"
MEMSCAN = (shutil.which("memscan", path=str(Path(sys.executable).parent)) or "memscan",)
FLOOR = (sys.executable, "-S", str(HERE / "floor.py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a case is measured."""

    case: Case
    folder: Path
    """Of all repositories."""
    hub: Hub
    latency: float

    @property
    def secure(self) -> bool:
        """Whether the Hub speaks TLS."""
        return self.hub.certificate is not None

    @property
    def target(self) -> str:
        """The word for a program that takes a repository's name or a folder."""
        return str(self.folder / self.case.repo) if self.case.is_local else self.case.repo

    def files(self, *suffixes: str) -> list[str]:
        """The repository's files that end so, here."""
        return sorted(str(path) for path in (self.folder / self.case.repo).iterdir() if path.name.endswith(suffixes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreters:
    """Where the peers are installed; empty where they are not."""

    peers: str = ""
    """With `peers.txt`."""
    torch: str = ""
    """With `peers-torch.txt`."""


Command = tuple[str, ...]


def commands(place: Place, found: Interpreters) -> dict[str, Command]:
    """The programs that do the case's work at `place`, by name: memscan, the floor, and the peers that can."""
    mine = {"memscan": _memscan(place), "floor": _floor(place)}
    asked = () if place.secure and place.latency not in FEW else place.case.programs
    peers = {name: PEERS[name](place, found) for name in asked}
    return mine | {name: command for name, command in peers.items() if command and command[0]}


def _memscan(place: Place) -> Command:
    return (*MEMSCAN, place.target, *(() if place.case.is_warm or place.case.is_local else ("--no-cache",)))


def _floor(place: Place) -> Command:
    """The round trips that no scan of the case can do without, one after the other."""
    case, repo = place.case, quote(place.case.repo)
    if case.is_local:
        files = place.files(".safetensors", ".gguf")
        return (*FLOOR, "folder", *(word for file in files for word in (file, str(header_length(Path(file))))))
    listing = f"{place.hub.endpoint}/api/models/{repo}?blobs=true"
    if case.is_warm:
        return (*FLOOR, "listing", listing)
    if case.sharded:
        return (*FLOOR, "endpoint", listing, f"{place.hub.endpoint}/api/models/{repo}/safetensors-metadata/{INDEX}")
    length = header_length(place.folder / case.repo / case.file)
    return (*FLOOR, "file", listing, f"{place.hub.endpoint}/{repo}/resolve/main/{quote(case.file)}", str(length))


def header_length(path: Path) -> int:
    """How many bytes of `path` the floor reads: its header, which a scan has to find the length of."""
    if path.suffix == ".gguf":
        return gguf_file.header_length()
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little") if path.suffix == ".safetensors" else 0
    return max(FIRST, 8 + length)


def _script(name: str, *words: str) -> Callable[[Place, Interpreters], Command]:
    return lambda place, found: (found.peers, str(HERE / "peers" / name), *words, place.target)


def _modelinfo(place: Place, found: Interpreters) -> Command:
    """It takes no address but one with https, and files instead of folders."""
    if place.case.is_local:
        return (found.peers, "-m", "modelinfo", *place.files(".gguf"))
    return (found.peers, "-m", "modelinfo", "--tensors", place.target) if place.secure else ()


def _gguf(place: Place, found: Interpreters) -> Command:
    return (found.peers, str(HERE / "peers" / "gguf_reader.py"), *place.files(".gguf"))


def _accelerate(place: Place, found: Interpreters) -> Command:
    """Seconds of imports whatever the round trip is: measured once."""
    is_here = place.case.repo == SINGLE and not place.latency and not place.secure
    return (found.torch, str(HERE / "peers" / "accelerate_cli.py"), place.target) if is_here else ()


PEERS: dict[str, Callable[[Place, Interpreters], Command]] = {
    "hf-mem": _script("hf_mem_here.py", "--model-id"),
    "get_safetensors_metadata": _script("hub_metadata.py", "each"),
    "get_sharded_safetensors_metadata": _script("hub_metadata.py", "one"),
    "get_local_safetensors_metadata": _script("hub_metadata.py", "folder"),
    "modelinfo-cli": _modelinfo,
    "gguf": _gguf,
    "accelerate": _accelerate,
}
"""Those of huggingface_hub go by the names of its functions."""
EVERY: Sequence[str] = ("memscan", "floor", *PEERS)
