"""The only room with Dagster; pipelines.run is the data path without it."""
