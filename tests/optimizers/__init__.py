"""Optimizers against the classes whose rules they are."""
