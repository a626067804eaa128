"""Schema history, run by alembic."""
