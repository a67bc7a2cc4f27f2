"""An invoicing app with magic links, as a customer of the library would write it.

`python -m examples.invoicing serve` runs it for a browser; `python -m examples.invoicing tour` tells the life of a
link over real HTTP, and ends by itself.
"""
