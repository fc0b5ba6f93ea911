"""Orders that a CI system takes out of a log: a stranger's name in an answer must not give any.

GitHub's runner obeys `##[command]` anywhere in a line of standard output, and `::command::` at its start (actions/runner,
src/Runner.Common/ActionCommand.cs); Azure Pipelines `##vso[command]`, TeamCity `##teamcity[command]`. No line of a gate starts
with a stranger's word; what is left is to break the first kind, in each format in a way that its readers undo.
"""

from memscan.printable import ORDER, safe_json


def broken(text: str) -> str:
    """`text` with a space in every such order: where nothing can be escaped."""
    return ORDER.sub("## ", text)


def broken_json(text: str) -> str:
    """The JSON `text` with the same value and no such order."""
    return safe_json(text)


def broken_xml(text: str) -> str:
    """The XML `text` with the same value and no such order."""
    return ORDER.sub("&#35;#", text)
