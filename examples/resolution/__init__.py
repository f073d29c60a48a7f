"""Synthetic record sets with their truth, to judge `hub resolve` by: people, sites, companies, papers, restaurants.

Every maker is seeded and returns rows as dictionaries; `entity` is the truth and is never shown to the resolver.
"""
