"""The migrations of the Django keeper's tables."""
