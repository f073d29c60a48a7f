"""Standardise, check, judge: which rows pass, which are refused and why."""
