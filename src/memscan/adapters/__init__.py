"""What LoRA adds to a model, from the real shapes of its linear layers."""
