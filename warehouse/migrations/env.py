"""Alembic environment: one connection, one transaction, versions kept in schema hub."""

from alembic import context
from sqlalchemy import create_engine, pool, text

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(hashtext('tongqu-migrations'))"))
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS hub"))
    connection.commit()
    context.configure(connection=connection, version_table_schema="hub")
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
