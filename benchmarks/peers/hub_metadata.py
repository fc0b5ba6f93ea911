"""The metadata of a repository as huggingface_hub gives it: a request for each header, or one for all, or a folder's.

python hub_metadata.py (each | one | folder) TARGET
"""

import sys

from huggingface_hub import HfApi, get_local_safetensors_metadata


def main(how: str, target: str) -> None:
    """Print how many parameters there are."""
    if how == "folder":
        found = get_local_safetensors_metadata(target)
    elif how == "one":
        found = HfApi().get_sharded_safetensors_metadata(target)
    else:
        found = HfApi().get_safetensors_metadata(target)
    print(sum(found.parameter_count.values()))


if __name__ == "__main__":
    main(*sys.argv[1:])
