"""One file a family: the forward pass of its layers, as the library's code has it."""
