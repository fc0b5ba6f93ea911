"""Patience: which failures are worth another try, how often, and how long a server may ask to wait.

Headers: `Retry-After` (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after) and the Hub's `RateLimit`
(https://huggingface.co/docs/hub/rate-limits).
"""

import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from memscan.errors import NetworkError, RateLimitError
from memscan.source.transport import StatusError

RETRIES = {408: 1, 429: 3, 500: 2, 502: 2, 503: 3, 504: 1}  # how often a status is worth another try
LONGEST_WAIT = 30.0  # seconds; a server that asks for more gets an error instead of a user who waits
BACKOFF = 0.5  # seconds before the first retry that no header times, doubled each time
RATE_LIMIT = re.compile(r'"\w+"\s*;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})')


class AgainError(Exception):
    """One attempt failed; another may not. Holds the error for the case that none helps."""

    def __init__(self, error: NetworkError, *, retries: int, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retries = retries
        self.wait = wait

    def seconds(self, attempt: int) -> float:
        """How long to wait before the attempt after `attempt`, which counts from 0."""
        wait = self.wait if self.wait is not None else BACKOFF * 2**attempt
        from random import uniform

        # Jitter, so that the many requests that were refused together do not come back together.
        return wait + uniform(0, BACKOFF)  # noqa: S311


def refusal(url: str, status: int, headers: Mapping[str, str]) -> Exception:
    """What an error status is: final (StatusError, or RateLimitError where the server asks for too long), or worth a retry."""
    refused = StatusError(url, status, headers)
    if status not in RETRIES:
        return refused
    wait = _asked_wait(headers)
    error: NetworkError = refused.unexpected()
    if status == 429:
        asked = "" if wait is None else f" and asks to wait {wait:.0f} s"
        error = RateLimitError(
            f"{urlsplit(refused.url).netloc} limits the rate of requests (HTTP 429){asked};"
            " try again later, or set HF_TOKEN for a higher limit"
        )
    if wait is not None and wait > LONGEST_WAIT:
        return error
    return AgainError(error, retries=RETRIES[status], wait=wait)


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` (seconds or a date) or the Hub's `RateLimit` header ask to wait; None without either."""
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdigit() and len(after) < 10:
        return float(after)
    if after:
        from email.utils import parsedate_to_datetime  # imported for the few servers that give a date

        try:
            date = parsedate_to_datetime(after)
        except ValueError:
            return None
        return max(0.0, date.timestamp() - time.time())
    match = RATE_LIMIT.search(headers.get("ratelimit", ""))
    return float(match[1]) if match else None
