"""Ticket files nobody registered: their columns recognised, every ticket's time judged, rates counted."""
