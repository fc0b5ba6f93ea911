"""The inverse questions: what fits on a device."""
