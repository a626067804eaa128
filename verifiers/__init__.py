"""An `Invoice` becomes findings and a `Verdict`. Knows nothing of databases or queues."""

from pathlib import Path

from extractors.messages import register

register(Path(__file__).parent / "locales")
