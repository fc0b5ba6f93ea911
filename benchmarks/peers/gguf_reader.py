"""The tensors of a GGUF file here, as llama.cpp's own package reads them: `python gguf_reader.py FILE`."""

import sys

from gguf import GGUFReader

print(sum(int(tensor.n_elements) for tensor in GGUFReader(sys.argv[1]).tensors))
