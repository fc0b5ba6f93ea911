"""The user's settings for the Hub, as `huggingface_hub` reads them from the environment.

Imported inside functions, here alone: a folder needs none of them, and the import costs start-up.
"""

from pathlib import Path
from urllib.parse import urlsplit

from memscan.errors import UsageError


def endpoint() -> str:
    """The Hub or the mirror that HF_ENDPOINT names, without a slash at the end; UsageError where it is no address."""
    try:
        from huggingface_hub.constants import ENDPOINT

        parts = urlsplit(ENDPOINT)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is no number: huggingface_hub does not even import
        good = False
    if not good:
        raise UsageError("HF_ENDPOINT is no address of a Hub; expected one such as https://huggingface.co")
    return ENDPOINT


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids to ask a server."""
    from huggingface_hub.constants import is_offline_mode

    return is_offline_mode()


def own_token() -> str | None:
    """The token that huggingface_hub has for this user, where HF_HUB_DISABLE_IMPLICIT_TOKEN does not keep it back."""
    from huggingface_hub import constants, get_token

    return None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()


def cache_folder() -> Path:
    """Where snapshots are kept: HF_HUB_CACHE, or below HF_HOME."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)
