"""Measurements that print the commit and the machine; run by hand, cited by defaults."""
