"""`python -m analytics_pipeline`: the same as the `analytics-pipeline` command."""

from analytics_pipeline.cli import main

main()
