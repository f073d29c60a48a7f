"""The command line: the room that may use all the others."""
