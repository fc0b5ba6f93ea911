"""Everything that memscan raises for input it cannot use; the tree says whose fault it is.

    MemscanError
    |-- UsageError            the words that were given make no sense            exit code 2
    |-- TargetError           the target cannot be read, as things stand         exit code 3
    |   |-- NotFoundError         no such repository, revision, folder or file
    |   |   `-- OfflineError          not here, and nothing may be asked
    |   |-- GatedError            access has to be asked for
    |   |-- TokenError            the token was refused
    |   |-- UnderivedError        the table cannot tell what the class of a config holds
    |   `-- NoWeightsError        nothing there that holds weights memscan reads
    |       `-- UndecidedError        weights are there, and which of them, or the rest of them, is the user's to say
    |-- NetworkError          the network or the server failed                   exit code 4
    |   |-- UnreachableError      no connection, or silence
    |   |-- RateLimitError        the server asks for more patience than we have
    |   `-- ServerError           a reply that breaks the protocol, or a 5xx
    `-- FormatError           a file breaks the promises of its own format       exit code 5
        `-- LackingError          a config does not say what a figure needs

A message is one line that says what was seen, what was expected and what to do. It never holds a token or the query of a
signed URL. Errors do not print: `memscan.cli` alone speaks to people.
"""


class MemscanError(Exception):
    """Base of all errors that memscan raises on purpose."""


class UsageError(MemscanError, ValueError):
    """The target, option or argument is not a thing that memscan knows."""


class TargetError(MemscanError):
    """The target cannot be read as things stand: absent, closed, or without weights."""


class NotFoundError(TargetError):
    """No such repository, revision, folder or file."""


class OfflineError(NotFoundError):
    """It is not on this machine, and offline nothing may be asked."""


class GatedError(TargetError):
    """The repository is gated and the reader has no access."""


class TokenError(TargetError):
    """The token was refused."""


class UnderivedError(TargetError):
    """A config from which alone the architecture table cannot tell every tensor; the message says why."""


class NoWeightsError(TargetError):
    """The target is there but holds no weights that memscan reads."""


class UndecidedError(NoWeightsError):
    """Weights are there; which of them is meant, or where the rest of them is, the user has to say."""


class NetworkError(MemscanError):
    """The network or the server failed."""


class UnreachableError(NetworkError):
    """No connection, or a server that says nothing."""


class RateLimitError(NetworkError):
    """The server asks to wait for longer than memscan waits."""


class ServerError(NetworkError):
    """A reply that breaks the protocol: an error status, a wrong range, HTML for JSON."""


class FormatError(MemscanError):
    """A file breaks the promises of its own format."""


class LackingError(FormatError):
    """A config does not say what a figure needs; who asks for the figure makes a line of it that is not known."""
