"""An `Invoice` becomes findings and a `Verdict`. Knows nothing of databases or queues."""
