"""The user's settings for the Hub, as `huggingface_hub` reads them from the environment.

Imported inside functions, here alone: a folder needs none of them, and the import costs start-up.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from memscan.errors import UsageError

PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


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
    from huggingface_hub import constants

    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    # To ask huggingface_hub costs 40 ms of imports before the first request; a token in the environment, and none at all, are
    # the usual cases, and simple. tests/source/test_settings.py holds this to it.
    if not os.environ.get("HF_OIDC_RESOURCE"):
        word = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN") or ""
        token = word.replace("\r", "").replace("\n", "").strip()
        if token or ("google.colab" not in sys.modules and not _is_there(Path(constants.HF_TOKEN_PATH))):
            return token or None
    from huggingface_hub import get_token

    try:
        return get_token()
    except OSError as error:
        raise UsageError(
            f"the file with your token, {constants.HF_TOKEN_PATH}, cannot be read: {error.strerror or error};"
            " set HF_TOKEN, HF_TOKEN_PATH or HF_HOME"
        ) from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that this user may not look into: who reads it says so
        return True


def certificates() -> tuple[str | None, str | None]:
    """The file and the folder of certificates that the environment names; neither where OpenSSL's own are in use."""
    file = os.environ.get("SSL_CERT_FILE")
    return (file, None) if file else (None, os.environ.get("SSL_CERT_DIR") or None)


def wants_session() -> bool:
    """Whether something is set, or kept by the system, that only huggingface_hub's own HTTP session knows to use."""
    if sys.platform in ("darwin", "win32"):  # proxies and certificates are the system's
        return True
    if any(value and name.lower() in PROXIES for name, value in os.environ.items()):
        return True
    from huggingface_hub.constants import HF_DEBUG

    if HF_DEBUG:  # it logs each request
        return True
    if certificates() == (None, None):
        import ssl

        paths = ssl.get_default_verify_paths()
        if paths.cafile is None and paths.capath is None:
            return True
    # set_async_client_factory is of a module that is loaded with the first use of it.
    used = sys.modules.get("huggingface_hub.utils._http")
    given = getattr(used, "_GLOBAL_ASYNC_CLIENT_FACTORY", None)
    return used is not None and given is not getattr(used, "default_async_client_factory", used)


def cache_folder() -> Path:
    """Where snapshots are kept: HF_HUB_CACHE, or below HF_HOME."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)
