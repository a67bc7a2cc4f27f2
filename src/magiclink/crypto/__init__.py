"""Keys, tokens and seals. No other module of the library imports itsdangerous, cryptography or argon2."""
