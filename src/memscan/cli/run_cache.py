"""What `memscan cache` does: say what the header cache has, and clear it."""

import json

from memscan.cli.exit import Exit
from memscan.errors import UsageError
from memscan.report.json import SCHEMA
from memscan.source import Place, cache_limit, cache_root, parse_target
from memscan.source.cache_upkeep import Usage, clear, usage
from memscan.units import both_units
from memscan.version import __version__

NOTHING = Usage(entries=0, nbytes=0, repositories=0)


def run_cache_info(*, as_json: bool) -> int:
    """`memscan cache info`."""
    root, limit = cache_root(), cache_limit()
    found = NOTHING if root is None else usage(root)
    values = {
        "folder": None if root is None else str(root),
        "repositories": found.repositories,
        "entries": found.entries,
        "bytes": found.nbytes,
        "limit": limit,
    }
    if as_json:
        print(json.dumps({"schema": SCHEMA, "memscan": __version__, "cache": values}, indent=2))
        return Exit.OK
    print(f"Folder        {root or 'none: this user has no home, and MEMSCAN_CACHE names none'}")
    print(f"Repositories  {found.repositories:,}")
    print(f"Entries       {found.entries:,}")
    print(f"Bytes         {found.nbytes:,} ({both_units(found.nbytes)})")
    print(f"Limit         {limit:,} ({both_units(limit)})" if limit else "Limit         0: the cache is off")
    return Exit.OK


def run_cache_clear(*, repo: str | None, as_json: bool) -> int:
    """`memscan cache clear`; `repo` is the one repository to clear."""
    name = None if repo is None else _repository(repo)
    root = cache_root()
    freed = NOTHING if root is None else clear(root, name)
    if as_json:
        values = {"repositories": freed.repositories, "entries": freed.entries, "bytes": freed.nbytes}
        print(json.dumps({"schema": SCHEMA, "memscan": __version__, "freed": values}, indent=2))
        return Exit.OK
    entries = "1 entry" if freed.entries == 1 else f"{freed.entries:,} entries"
    print(f"Freed {freed.nbytes:,} bytes ({both_units(freed.nbytes)}): {entries} of {name or 'all repositories'}")
    return Exit.OK


def _repository(word: str) -> str:
    """The repository that `word` names, as a TARGET does; UsageError where it names anything else."""
    target = parse_target(word if "://" in word else f"hf://{word}")
    if target.place is not Place.HUB or target.repo_id is None or target.revision is not None or target.path is not None:
        raise UsageError(f"--repo {word!a} is not the name of a repository; expected org/name, whose entries of all commits go")
    return target.repo_id
