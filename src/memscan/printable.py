"""Strangers' words made safe to show: no control characters, no line breaks, nothing that reverses or hides other text."""

import re

# Control characters, and the marks that reverse or hide text: a tensor name must not repaint a terminal.
UNSAFE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u115f\\u1160\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\u3164\\ud800-\\udfff"
    "\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e007f]"
)


# GitHub's runner obeys `##[command]` anywhere in a line of a log (actions/runner, src/Runner.Common/ActionCommand.cs), Azure
# Pipelines `##vso[command]`, TeamCity `##teamcity[command]`.
ORDER = re.compile(r"##(?=\w*\[)")


def safe_json(text: str) -> str:
    """The JSON `text` with the same value, and with nothing that a CI system would obey."""
    return ORDER.sub(r"\\u0023#", text)


def safe(text: str) -> str:
    """`text` with every unsafe character written as its escape, and a space in what a CI system would obey."""
    return ORDER.sub("## ", UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text))


def one_line(message: str) -> str:
    """`message` on one line, without control characters."""
    return safe(" ".join(message.split()))
