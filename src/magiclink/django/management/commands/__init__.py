"""`manage.py magiclink …`."""
