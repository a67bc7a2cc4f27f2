"""Example programs, as users of the library would write them."""
