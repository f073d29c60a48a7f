"""Evaluation schemes as data: a tree of indicators in YAML, and the engine that turns a table into scores and ranks."""
