"""Geometry and patterns that faces share: sheets of runs, labels, values, tables, parties."""
