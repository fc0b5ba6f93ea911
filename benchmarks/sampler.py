"""Where a program's CPU goes: `python sampler.py OUTPUT SCRIPT ARGUMENTS ...` looks at the stack of a script as it works.

A thread wakes each millisecond, and charges the CPU since the last time to what the main thread is doing, or, where that waits
for another, to what the other does. Only modules that the interpreter has loaded anyway are imported before the script starts.
"""

import _thread  # `threading` is part of what is measured
import os
import sys
import time

EVERY = 0.001  # seconds
SWITCH = 0.0005  # seconds until a thread that works lets the one that looks go on
CLIENT = "importing the HTTP client"
IMPORTED = {"click": "importing click", "tabulate": "importing tabulate"}
ROOMS = {
    "cli": "command line", "report": "table", "source": "requests", "scanning": "requests", "read": "requests",
    "formats": "parsing", "document": "parsing", "checkpoint": "parsing", "tensor": "parsing",
}  # fmt: skip
PHASES = (
    "interpreter", "importing click", "importing memscan", "importing the standard library", CLIENT, "importing tabulate",
    "command line", "requests", "parsing", "figures", "table", "exit",
)  # fmt: skip
"""In the order of a scan."""
WAITING = ("/threading.py", "/concurrent/futures/_base.py")
IDLE = ("/selectors.py", "/threading.py", "/concurrent/futures/thread.py")
CLIENT_PARTS = ("/asyncio/", "/selectors.py", "/ssl.py", "/site-packages/", "/http/")


def phase(frames: "list[tuple[str, str]]") -> str:
    """What is being done, from the file and the function of each frame, innermost first."""
    # What a function of memscan does is no import of the module that called it.
    called = max((index for index, (file, name) in enumerate(frames) if _room(file) and name != "<module>"), default=len(frames))
    frames = frames[: called + 1]
    rooms = [room for file, _ in frames if (room := _room(file))]
    outermost = max((index for index, (file, _) in enumerate(frames) if file.startswith("<frozen importlib")), default=None)
    if outermost is not None:
        asked = [file for file, _ in frames[:outermost]]
        packages = [file.partition("/site-packages/")[2].partition("/")[0].removesuffix(".py") for file in asked]
        foreign = [package for package in packages if package and package != "memscan"]
        if foreign:
            return IMPORTED.get(foreign[-1], CLIENT)  # the outermost: who asked for it
        module = next((file for file, function in frames if function == "<module>" and file[0] != "<"), "")
        if _room(module):
            return "importing memscan"
        return CLIENT if "source" in rooms else "importing the standard library"
    inner = next((index for index, (file, _) in enumerate(frames) if _room(file)), len(frames))
    if any(part in file for file, _ in frames[:inner] for part in CLIENT_PARTS) and (
        not rooms or rooms[0] in ("cli", "scanning")
    ):
        return "command line" if any("/click/" in file for file, _ in frames[:inner]) else "requests"
    return ROOMS.get(rooms[0], "figures") if rooms else "command line"


def _stack(frame: object) -> "list[tuple[str, str]]":
    """File and function of `frame` and of those that called it."""
    found = []
    while frame is not None:
        code = frame.f_code  # type: ignore[attr-defined]
        found.append((code.co_filename.replace("\\", "/"), code.co_name))
        frame = frame.f_back  # type: ignore[attr-defined]
    return found


def _room(file: str) -> str:
    """The room of memscan that a file belongs to; empty for all other files."""
    return file.rpartition("/memscan/")[2].partition("/")[0].removesuffix(".py") if "/memscan/" in file else ""


class Sampler:
    """Charges CPU to phases."""

    def __init__(self) -> None:
        self.seconds = {"interpreter": time.process_time()}
        self._last = self.seconds["interpreter"]
        self.done = False

    def watch(self, working: int) -> None:
        """Charge what is spent to what the thread `working` does, or those that it waits for, until the process ends."""
        own = _thread.get_ident()
        while not self.done:
            time.sleep(EVERY)
            now, stacks = time.process_time(), {ident: _stack(frame) for ident, frame in sys._current_frames().items()}  # noqa: SLF001
            frames = stacks.get(working, [])
            if frames and frames[0][0].endswith(WAITING):
                others = (stack for ident, stack in stacks.items() if ident not in (working, own))
                frames = next((stack for stack in others if not stack[0][0].endswith(IDLE)), frames)
            name = phase(frames)
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
            self._last = now


def main(output: str, script: str, *arguments: str) -> None:
    """Run `script` as it would be run, and write seconds by phase to `output` as JSON."""
    sampler = Sampler()
    sys.argv = [script, *arguments]
    with open(script, encoding="utf-8") as file:  # noqa: PTH123 -- pathlib is part of what is measured
        code = compile(file.read(), script, "exec")
    leave = os._exit

    def write() -> None:
        sampler.done = True
        import json  # noqa: PLC0415 -- likewise

        with open(output, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(sampler.seconds, file)

    def write_and_leave(code: int) -> None:
        write()
        leave(code)

    os._exit = write_and_leave  # type: ignore[assignment]  # memscan ends so, and the interpreter does nothing behind it
    sys.setswitchinterval(SWITCH)
    _thread.start_new_thread(sampler.watch, (_thread.get_ident(),))
    try:
        exec(code, {"__name__": "__main__", "__file__": script})  # noqa: S102 -- as the interpreter does with a script
    finally:
        write()


if __name__ == "__main__":
    main(*sys.argv[1:])
