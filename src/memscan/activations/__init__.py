"""What a forward and a backward pass hold beside the weights."""
