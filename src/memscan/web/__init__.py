"""The page: memscan in a browser. A server for people, who are strangers to each other and to the machine that it runs on.

Gradio and what it serves with are imported inside functions of `page` and `server`, and nowhere else; the rest is functions
from a query to an answer.
"""

from memscan.web.limits import Limits, Urls
from memscan.web.query import Query

__all__ = ["Limits", "Query", "Urls"]
