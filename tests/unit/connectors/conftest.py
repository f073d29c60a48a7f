"""What `hub read` makes of a file."""

from __future__ import annotations

import csv
import io
import json

import pytest

from hub.read import run


@pytest.fixture
def read(tmp_path, capsys):
    """Read bytes as a file: (header, rows, what was told)."""

    def go(data, name="表.dat", format="csv", **options):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        run(path, options=options, format=format, coordinates=False)
        out, err = capsys.readouterr()
        if format == "json":
            return json.loads(out), err
        header, *rows = csv.reader(io.StringIO(out))
        return header, rows, err

    return go
