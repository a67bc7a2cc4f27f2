"""The tables of the tests' own user models."""
