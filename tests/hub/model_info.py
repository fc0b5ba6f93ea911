"""GET /api/models/{repo}: what the Hub says about a model.

https://huggingface.co/docs/hub/api
"""

import hashlib
import json
from collections.abc import Iterator

from .catalogue import Visit
from .entry import Entry
from .message import Reply, json_reply
from .repository import Repository, Revision

DATE = "2022-03-02T23:29:04.000Z"  # the day that the real Hub gives its oldest repositories
CONFIG_KEYS = ("architectures", "model_type", "quantization_config")  # what the API repeats of config.json


def model_info(visit: Visit, revision: Revision) -> Reply:
    """Answer with everything, or with the properties named by `expand`."""
    request = visit.request
    info = properties(visit.repository, revision, blobs=request.flag("blobs"))
    if request.flag("securityStatus"):
        info["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": []}
    wanted = {*request.query.get("expand", []), *request.query.get("expand[]", [])}
    if wanted:
        info = {name: value for name, value in info.items() if name in {"_id", "id", *wanted}}
    return json_reply(info)


def properties(repository: Repository, revision: Revision, *, blobs: bool, summary: bool = True) -> dict[str, object]:
    """All that the API says of a repository at a revision; without `summary` not what it repeats of its config."""
    digest = hashlib.sha1(repository.repo_id.encode(), usedforsecurity=False).hexdigest()
    author = repository.repo_id.partition("/")[0]
    info: dict[str, object] = {
        "_id": digest[:24],
        "id": repository.repo_id,
        "modelId": repository.repo_id,
        "author": author if "/" in repository.repo_id else None,
        "sha": revision.commit,
        "createdAt": DATE,
        "lastModified": DATE,
        "private": repository.private,
        "gated": repository.gated or False,
        "disabled": repository.disabled,
        "downloads": 0,
        "likes": 0,
        "tags": list(_tags(repository, revision)),
        "siblings": [_sibling(entry, blobs=blobs) for entry in revision.entries.values()],
    }
    if repository.library is not None:
        info["library_name"] = repository.library
    if summary and (config := _config(revision)) is not None:
        info["config"] = {key: config[key] for key in CONFIG_KEYS if key in config}
    return {**info, **repository.info}


def _sibling(entry: Entry, *, blobs: bool) -> dict[str, object]:
    sibling: dict[str, object] = {"rfilename": entry.path}
    if blobs:
        sibling.update(blobId=entry.oid, size=entry.size)
        if entry.lfs:
            sibling["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}
    return sibling


def _tags(repository: Repository, revision: Revision) -> Iterator[str]:
    if repository.library is not None:
        yield repository.library
    if any(path.endswith(".safetensors") for path in revision.entries):
        yield "safetensors"
    yield "region:us"


def _config(revision: Revision) -> dict[str, object] | None:
    """Return config.json where it is an object; whatever else it holds is not the API's business."""
    entry = revision.entries.get("config.json")
    if entry is None:
        return None
    try:
        config = json.loads(entry.content.read(0, entry.size))
    except ValueError:
        return None
    return config if isinstance(config, dict) else None
