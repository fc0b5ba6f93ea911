"""What a user asks of a scan beside the target's name."""

from dataclasses import dataclass

from memscan.architecture import Changes
from memscan.document import shown
from memscan.errors import UsageError
from memscan.model import SCOPES as KNOWN_SCOPES
from memscan.quantizers import DTYPES
from memscan.source import Sources, Target

AUTO = "auto"
SCOPES = (AUTO, *KNOWN_SCOPES)
HEADER, CONFIG, META = "header", "config", "meta"
BACKENDS = (AUTO, HEADER, CONFIG, META)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """The keyword arguments of `memscan.scan`, and the shared options of the command line."""

    revision: str | None = None
    """Branch, tag, commit or `refs/pr/N` of a repository."""
    token: str | None = None
    """For private and gated repositories; None takes HF_TOKEN or the one that is saved."""
    library: str | None = None
    """The library that loads the model, where the Hub or the config say otherwise or nothing."""
    dtypes: tuple[str, ...] | None = None
    """Names in `memscan.DTYPES`; None: the seed's four, and as stored."""
    scope: str = AUTO
    file: str | None = None
    """A weight file or an index inside the target."""
    subfolder: str | None = None
    """A folder inside the target."""
    variant: str | None = None
    """`fp16` for `model.fp16.safetensors`."""
    mmproj: bool = False
    """Whether the projector of a GGUF model is added to it."""
    backend: str = AUTO
    """`header`: read headers alone. `config`: derive the tensors from config.json alone, by the architecture table. `meta`: build
    the model on torch's meta device. `auto`: the first of them that can."""
    changes: Changes = ()
    """Fields of config.json that are changed before the model is derived or built of it, each with its value as JSON."""
    trust_remote_code: bool = False
    """Whether building on the meta device may run the repository's own code. Reading headers never does."""
    cache: bool = True
    """Whether headers that were read of the Hub are kept, and those that were kept are read instead of asked for."""
    offline: bool = False
    """Whether no server is asked at all: what is here is all there is."""

    def check(self) -> None:
        """UsageError for values that make no sense."""
        if self.dtypes is not None and not self.dtypes:
            raise UsageError(f"dtypes is empty, expected some of {', '.join(DTYPES)}")
        for name in self.dtypes or ():
            if name not in DTYPES:
                raise UsageError(f"{shown(name)} is not a dtype; expected some of {', '.join(DTYPES)}")
        if self.backend not in BACKENDS:
            raise UsageError(f"{shown(self.backend)} is not a backend; expected one of {', '.join(BACKENDS)}")
        if self.scope not in SCOPES:
            raise UsageError(f"{shown(self.scope)} is not a scope; expected one of {', '.join(SCOPES)}")
        if self.changes and self.backend == HEADER:
            raise UsageError("--set changes a config, and --backend header reads none; do without one of them")
        if self.offline and not self.cache:
            raise UsageError("--offline reads the cache that --no-cache forbids; give one of them")
        if self.offline and self.trust_remote_code:
            raise UsageError("--trust-remote-code may download code, which --offline forbids; give one of them")

    def sources(self) -> Sources:
        """What opens targets as these options say."""
        return Sources(token=self.token, cache=self.cache, offline=self.offline)

    @property
    def names_weights(self) -> bool:
        """Whether it asks for files of weights, which a model that is built has not."""
        return self.file is not None or self.variant is not None or self.mmproj

    @property
    def is_plain(self) -> bool:
        """Whether what is asked for is what the top of most repositories holds."""
        return not self.names_weights and self.subfolder is None and self.backend == AUTO and not self.changes

    def check_built(self) -> None:
        """UsageError where options that choose files are given for a model that is built from its config."""
        if self.names_weights:
            how = "--set" if self.changes else f"--backend {self.backend}"
            raise UsageError(f"--file, --variant and --mmproj choose files of weights; with {how} none is read")

    def place(self, target: Target) -> str | None:
        """The one file or folder inside the target that is meant; UsageError where two are named."""
        named = [path for path in (target.path, self.file, self.subfolder) if path is not None]
        if len(named) > 1:
            raise UsageError(f"{' and '.join(named)} name two places inside {target.requested}; give one")
        return named[0].strip("/") if named else None
