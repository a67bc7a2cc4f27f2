"""The one SQL text of the stores that run on a connection of the app's: SQLAlchemy's and Django's."""
