"""Events, instants and amounts, in words that a supplier reads: the filters of `examples.story.words`."""

from __future__ import annotations

from django import template

from ...story.words import money, sentence, stamp

register = template.Library()
for _filter in (money, sentence, stamp):
    register.filter(_filter.__name__, _filter)
