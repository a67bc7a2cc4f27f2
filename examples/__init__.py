"""Programs that a customer of the library would write."""
