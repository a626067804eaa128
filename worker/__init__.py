"""What moves: settings, intake, queues and jobs, the pipeline, the `yanpiao` command."""
