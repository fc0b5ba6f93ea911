"""Repositories too large for `fixtures/`: headers with the names, dtypes and shapes of published models, made when they are measured."""
