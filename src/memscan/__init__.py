"""How much memory a model needs, read from the headers of its checkpoint: exact, fast, without torch.

    import memscan
    report = memscan.scan("bert-base-cased")
    report.estimates[0].total_bytes

Importing memscan imports nothing else; a name is loaded when it is first used (PEP 562).
"""

from memscan.version import __version__

_HOMES = {
    "scan": "memscan.scanning",
    "ascan": "memscan.scanning",
    "snapshot": "memscan.scanning.snapshots",
    "Progress": "memscan.scanning",
    "estimate_inference": "memscan.bills",
    "estimate_training": "memscan.bills",
    "what_fits": "memscan.fit",
    "Bill": "memscan.bills",
    "Item": "memscan.item",
    "Fit": "memscan.fit",
    "Report": "memscan.estimate",
    "WeightEstimate": "memscan.estimate",
    "Layer": "memscan.estimate",
    "Basis": "memscan.item",
    "Model": "memscan.model",
    "Origin": "memscan.model",
    "Scope": "memscan.model",
    "Checkpoint": "memscan.checkpoint",
    "Shard": "memscan.checkpoint",
    "Config": "memscan.architecture",
    "TensorInfo": "memscan.tensor",
    "DType": "memscan.dtype",
    "DTYPES": "memscan.quantizers",
    "Note": "memscan.note",
    "MemscanError": "memscan.errors",
    "UsageError": "memscan.errors",
    "TargetError": "memscan.errors",
    "NotFoundError": "memscan.errors",
    "OfflineError": "memscan.errors",
    "GatedError": "memscan.errors",
    "TokenError": "memscan.errors",
    "UnderivedError": "memscan.errors",
    "NoWeightsError": "memscan.errors",
    "UndecidedError": "memscan.errors",
    "NetworkError": "memscan.errors",
    "UnreachableError": "memscan.errors",
    "RateLimitError": "memscan.errors",
    "ServerError": "memscan.errors",
    "FormatError": "memscan.errors",
    "LackingError": "memscan.errors",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 -- names of one table, so that none is public in one place only


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'memscan' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
