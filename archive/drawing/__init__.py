"""What is drawn for a bag: cover sheet, page pictures, searchable copies of scans, reports.

All of it is PDF/A-2b (ISO 19005-2): fonts embedded, colours described, nothing that runs.
"""
