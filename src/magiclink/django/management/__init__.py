"""What an operator does by `manage.py`."""
