"""The metadata of a repository as huggingface_hub gives it: a request for each header."""

import sys

from huggingface_hub import HfApi

found = HfApi().get_safetensors_metadata(sys.argv[1])
print(sum(found.parameter_count.values()))
