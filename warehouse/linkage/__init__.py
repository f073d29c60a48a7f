"""Which records of any files speak of one and the same: deterministic keys, then a model trained on the data itself.

config      the YAML that names files, columns and their roles
reading     files -> one table of records, text as delivered
roles       what a column holds, told by the config or by its name and shape
features    text -> what is compared: keys, tokens with weights, parts of addresses
candidates  which pairs are worth comparing; never all of them
model       Splink: comparisons by role, trained by expectation maximisation, kept as a JSON file
clusters    pairs -> clusters that no chain can grow beyond what the constraints allow
resolve     the whole way, and its two files: clusters and the review list
"""
