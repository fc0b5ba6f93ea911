"""The packages that each library needs to build a model, and whether they are there: none of them is imported to know."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from importlib.util import find_spec

from memscan.document import shown
from memscan.errors import UsageError

EXTRA = ("torch", "transformers")  # what `pip install 'memscan[torch]'` brings
NEEDS = {
    "transformers": EXTRA,
    "timm": ("torch", "torchvision", "timm"),
    "diffusers": ("torch", "diffusers"),
}
"""The libraries that models are built with, by the Hub's name for them."""


def missing(library: str) -> tuple[str, ...]:
    """The packages that `library` needs and that are not installed; UsageError where memscan builds nothing with it."""
    if library not in NEEDS:
        raise UsageError(f"memscan builds no models with the library {shown(library)}; expected one of {', '.join(NEEDS)}")
    return tuple(name for name in NEEDS[library] if not _is_there(name))


def available(library: str) -> bool:
    """Whether a model can be built with `library` here; False for a library that memscan builds nothing with."""
    return library in NEEDS and not missing(library)


def advice(library: str) -> str:
    """The sentence for people where `library` is not available: what is missing, and what to install."""
    names = missing(library)
    extra = ["'memscan[torch]'"] if any(name in EXTRA for name in names) else []
    words = " ".join((*extra, *(name for name in names if name not in EXTRA)))
    verb = "is" if len(names) == 1 else "are"
    return f"to build a model with {library}, {' and '.join(names)} {verb} missing: pip install {words}"


def version(package: str) -> str:
    """The package and its version, as in `transformers 5.23.0`."""
    try:
        return f"{package} {version_of(package)}"
    except PackageNotFoundError:  # a checkout on the path
        return package


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # a module that something put into sys.modules without a spec
        return False
