"""Views: the customer's pages, the supplier's desk, and what only a demonstration has."""
