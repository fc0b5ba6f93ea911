"""LoRA against peft."""
