"""The load benchmark: its dataset, its source and the hub as one competitor."""
