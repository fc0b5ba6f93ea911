"""`memscan.scan` inside a running event loop: a real IPython kernel, as in a notebook."""

import subprocess
import sys

from tests.hub import FIXTURES, materialise

# In a process of its own: jupyter_client's warnings and sockets are not ours to answer for.
SESSION = """
import sys
from jupyter_client.manager import start_new_kernel

def show(message):
    print(message["content"].get("text", message["content"]))

manager, client = start_new_kernel(kernel_name="python3")
try:
    code = f"import asyncio, memscan; asyncio.get_running_loop(); print(memscan.scan({sys.argv[1]!r}).estimates[0].total_bytes)"
    client.execute_interactive(code, timeout=60, output_hook=show)
    code = f"print((await memscan.ascan({sys.argv[1]!r})).largest_layer.name)"
    client.execute_interactive(code, timeout=60, output_hook=show)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


def test_scan_works_in_a_notebook(tmp_path):
    materialise(FIXTURES / "google-bert/bert-base-cased", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", SESSION, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    words = [
        line for line in done.stdout.splitlines() if line and "execution_state" not in line and "execution_count" not in line
    ]
    assert words == ["433249280", "embeddings.word_embeddings"], done.stderr
