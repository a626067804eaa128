"""A file becomes an `Invoice`. Knows nothing of databases, queues, networks or settings."""
