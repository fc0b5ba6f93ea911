"""Reading pickles without running them: opcodes to plain, inert records."""

from memscan.formats.pickle.base import Call, Global, Omitted, Table, described
from memscan.formats.pickle.reading import Bytes, Names, read_pickle

__all__ = ["Bytes", "Call", "Global", "Names", "Omitted", "Table", "described", "read_pickle"]
