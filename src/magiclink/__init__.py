"""Magic links: expiring signed links that let a customer open an invoice, or sign in, from a mail."""

__version__ = "0.1.0"
