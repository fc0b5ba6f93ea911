"""What GitHub's runner takes for a command, told in Python.

After src/Runner.Common/ActionCommand.cs of https://github.com/actions/runner: a line that starts with `::name` (spaces before it
do not matter), or that holds `##[name` anywhere; only names that it knows.
"""

KNOWN = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "remove-matcher",
    "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip
Command = tuple[str, dict[str, str], str]


def commands(text: str) -> list[Command]:
    """The commands in the lines of `text`, in order: name, properties, message."""
    return [found for line in text.replace("\r", "\n").split("\n") if (found := _new(line) or _old(line)) is not None]


def _new(line: str) -> Command | None:
    line = line.lstrip()
    head, mark, data = line[2:].partition("::")
    if not line.startswith("::") or not mark:
        return None
    name, _, rest = head.partition(" ")
    if name not in KNOWN:
        return None
    pairs = [part.split("=", 1) for part in rest.strip().split(",") if "=" in part]
    return name, {key: _plain(value, ":,") for key, value in pairs}, _plain(data, "")


def _old(line: str) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name = line[start + 3 : end].partition(" ")[0]
    return (name, {}, line[end + 1 :]) if name in KNOWN else None


def _plain(value: str, more: str) -> str:
    for sign in f"\r\n{more}%":
        value = value.replace(f"%{ord(sign):02X}", sign)
    return value


def outputs(text: str) -> dict[str, str]:
    """The values of a file of outputs: `name=value`, or `name<<mark`, lines, `mark`."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        if not line:
            continue
        heredoc, equals = line.find("<<"), line.find("=")
        if heredoc < 0 or 0 <= equals < heredoc:
            assert equals > 0, line
            found[line[:equals]] = line[equals + 1 :]
            continue
        mark, value = line[heredoc + 2 :], []
        while (inside := next(lines)) != mark:
            value.append(inside)
        found[line[:heredoc]] = "\n".join(value)
    return found
