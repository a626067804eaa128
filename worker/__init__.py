"""What moves: settings, intake, queues and jobs, the pipeline, the `yanpiao` command."""

from pathlib import Path

from extractors.messages import register

register(Path(__file__).parent / "locales")
