"""The boards' views: one portable .sql each, with their catalogue, lint, lineage and publication."""
