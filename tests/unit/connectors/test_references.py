"""References to the environment, and what is hidden in messages."""

import pytest

from connectors import references
from schemas.errors import ConfigError


def test_references_are_filled_anywhere():
    source = {"url": "${HUB_SOURCE_A}/x", "headers": {"k": "${HUB_SECRET_B}"}, "list": ["${HUB_SOURCE_A}", 1], "n": 5}
    environment = {"HUB_SOURCE_A": "http://h", "HUB_SECRET_B": "s"}
    assert references.names(source) == {"HUB_SOURCE_A", "HUB_SECRET_B"}
    assert references.resolve(source, "x", environment) == {
        "url": "http://h/x",
        "headers": {"k": "s"},
        "list": ["http://h", 1],
        "n": 5,
    }


def test_all_missing_names_are_told():
    with pytest.raises(ConfigError) as caught:
        references.resolve(["${HUB_SOURCE_A}", "${HUB_SECRET_B}"], "dept/x：source", {"HUB_SECRET_B": ""})
    assert [line.partition("。")[0] for line in str(caught.value).splitlines()] == [
        "dept/x：source：没有设置环境变量 HUB_SECRET_B",
        "dept/x：source：没有设置环境变量 HUB_SOURCE_A",
    ]


@pytest.mark.parametrize("name", ["HOME", "HUB_x", "hub_A", "", "HUB_A B"])
def test_only_hub_names_may_be_read(name):
    assert references.misspelt(f"${{{name}}}") == [name]


def test_secrets_are_hidden_in_every_spelling():
    secrets = references.Secrets()
    environment = {
        "HUB_SOURCE_A": "postgresql://u:p%40ssword@h/d",
        "HUB_SECRET_T": "token-value",
        "HUB_SOURCE_B": "plain",
    }
    secrets.learn(["${HUB_SOURCE_A}", "${HUB_SECRET_T}", "${HUB_SOURCE_B}"], environment)
    text = secrets.hide("mysql://u:other@h, p@ssword, p%40ssword, token-value, plain")
    assert text == "mysql://u:***@h, ***, ***, ***, plain"


def test_plain_secrets_are_found():
    assert references.plain_secrets({"token": "abc", "url": "http://h"}) == ["token"]
    assert references.plain_secrets({"token": "${HUB_SECRET_A}", "url": "http://u:p@h"}) == ["url"]
    assert references.plain_secrets({"url": "postgresql://u:${HUB_SECRET_A}@h/d"}) == []


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ({"headers": {"X-Api-Key": "abcdef", "Accept": "text/xml"}}, ["headers.X-Api-Key"]),
        ({"headers": {"X-Api-Key": "${HUB_SECRET_X}"}}, []),
        ({"params": {"access_token": "abcdef", "town": "1"}}, ["params.access_token"]),
        ({"sign_headers": {"x-token": "{signature}"}}, []),
        ({"url": "https://a.gov.cn/x?apikey=abcdef&page=1"}, ["url?apikey"]),
        ({"url": "${HUB_SOURCE_X}/x?apikey=${HUB_SECRET_X}"}, []),
    ],
)
def test_secrets_in_headers_and_parameters_are_found(source, places):
    assert references.nested_secrets(source) == places
