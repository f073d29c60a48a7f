"""What a shared record is: contracts, identifiers, dates, names, code sets, the working calendar, errors."""
