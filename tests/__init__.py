"""Tests. `slow` ones use a real browser, recognition and services; the rest stay under a minute."""
