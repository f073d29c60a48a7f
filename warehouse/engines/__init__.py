"""How the warehouse is reached: the embedded server, and PostgreSQL spoken in Arrow."""
