"""The locks: keys, tokens, seals. The only rooms that import itsdangerous, cryptography or argon2."""
