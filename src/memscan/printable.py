"""Words made safe to show: a stranger's without control characters and what hides other text, a user's without his secrets."""

import re

SECRETS = re.compile("[?#]")  # what a URL has from there on
# Control characters, and the marks that reverse or hide text: a tensor name must not repaint a terminal.
UNSAFE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u115f\\u1160\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\u3164\\ud800-\\udfff"
    "\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e007f]"
)


# GitHub's runner obeys `##[command]` anywhere in a line of a log (actions/runner, src/Runner.Common/ActionCommand.cs), Azure
# Pipelines `##vso[command]`, TeamCity `##teamcity[command]`.
ORDER = re.compile(r"##(?=\w*\[)")
COMMAND = re.compile(r"\A(\s*):(?=:)")  # and `::command::` at the start of a line, behind whatever space (TryParseV2)


def safe_json(text: str) -> str:
    """The JSON `text` with the same value, and with nothing that a CI system would obey."""
    return ORDER.sub(r"\\u0023#", text)


def safe(text: str) -> str:
    """`text` with every unsafe character written as its escape, and a space in what a CI system would obey."""
    return COMMAND.sub(r"\1: ", ORDER.sub("## ", UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)))


def one_line(message: str) -> str:
    """`message` on one line, without control characters."""
    return safe(" ".join(message.split()))


def shown_url(url: str) -> str:
    """`url` without what may be secret: the user part, the query and the fragment. Never raises, whatever `url` is."""
    scheme, _, rest = url.partition("://")
    host, slash, path = SECRETS.split(rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def shown_word(word: str) -> str:
    """The word for a target as results show it: of a URL, not the parts that may be secret."""
    return shown_url(word) if "://" in word else word
