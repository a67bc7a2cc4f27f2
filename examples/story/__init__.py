"""What both examples share: the story that their tours tell, and what a demonstration needs around a site.

No framework is imported here: a site is a WSGI application with its links, its mails and its clock.
"""
