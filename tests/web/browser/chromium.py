"""The Chromium or Chrome that is here."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--force-color-profile=srgb",
)  # fmt: skip
NONE = "no Chromium or Chrome is here, so the page was not tested in a browser; install one, or name it in MEMSCAN_BROWSER"


def find_browser() -> str | None:
    """The path of its program; None where there is none."""
    named = os.environ.get("MEMSCAN_BROWSER")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def is_required() -> bool:
    """Whether it is an error that there is none: on CI a test that did not run would look like one that passed."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}
