"""The invoicing app with magic links as a Django project, as a customer of the library would write it.

`python -m examples.django_invoicing serve` runs it for a browser; `… tour` plays the life of a link over real HTTP, and
ends by itself; `… manage` is its `manage.py`.
"""
