"""How departments' systems are reached: connector files, drivers, probes, cursors."""
