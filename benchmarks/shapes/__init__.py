"""Repositories too large for `fixtures/`: headers with names, dtypes and shapes of published models, made when measured."""
