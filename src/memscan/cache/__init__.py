"""What each layer of a model keeps between tokens: KV cache and recurrent states, engine by engine."""
