"""A faithful Hugging Face Hub on loopback sockets, for tests that talk HTTP and for demonstrations without a network.

with LoopbackHub([Repository(repo_id="org/name", files={"config.json": b"{}"})]) as hub:
    scan("org/name", endpoint=hub.endpoint)
    assert len(hub.requests) == 3
"""

from .fault import Fault
from .hub import STRANGER, LoopbackHub
from .limits import RateLimits
from .materialise import FIXTURES, load_fixtures, materialise
from .message import Headers
from .record import Record, round_trips
from .repository import Discussion, Repository, Revision

__all__ = [
    "FIXTURES",
    "STRANGER",
    "Discussion",
    "Fault",
    "Headers",
    "LoopbackHub",
    "RateLimits",
    "Record",
    "Repository",
    "Revision",
    "load_fixtures",
    "materialise",
    "round_trips",
]
