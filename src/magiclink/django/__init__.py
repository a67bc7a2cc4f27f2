"""Magic links in Django: the same conversation, at home in Django."""
