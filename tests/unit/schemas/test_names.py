"""Enterprise names: both keys and the branch mark."""

from schemas.names import name_is_branch, name_loose_key, name_strict_key


def test_table(vectors):
    for row in vectors["names"]:
        raw = row["raw"]
        keys = name_strict_key(raw), name_loose_key(raw), name_is_branch(raw)
        assert keys == (row["strict_key"], row["loose_key"], row["branch"]), raw


def test_regions_are_the_sites_own():
    assert name_loose_key("射山县鑫源商贸有限公司", regions=["射山县", "射山"]) == "鑫源商贸有限公司"
    assert name_loose_key("射山鑫源商贸有限公司", regions=["射山县", "射山"]) == "鑫源商贸有限公司"
    assert name_loose_key("射山鑫源商贸有限公司", regions=["示例县"]) == "射山鑫源商贸有限公司"
    assert name_loose_key("射山鑫源商贸有限公司", regions=[]) == "射山鑫源商贸有限公司"


def test_a_branch_keeps_its_tail_in_every_key():
    parent, branch = "示例县鑫源商贸有限公司", "示例县鑫源商贸有限公司城东分公司"
    assert name_strict_key(parent) != name_strict_key(branch)
    assert name_loose_key(parent) != name_loose_key(branch)
