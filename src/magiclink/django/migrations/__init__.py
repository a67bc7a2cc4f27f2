"""The migrations of the Django store's tables."""
