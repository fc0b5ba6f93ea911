"""`python -m memscan`, and the console script."""

import gc


def main() -> None:
    """Start the command line."""
    gc.disable()  # nothing is garbage while modules are loaded; the command line sets what it wants then
    from memscan.cli.main import main as start

    start()


if __name__ == "__main__":
    main()
