"""An invoicing app with magic links: `python -m examples.invoicing tour` tells the life of a link."""
