from __future__ import annotations

import pytest

from hil.errors import ConfigError
from hil.firmware.cache_limit import DEFAULT_MAX_BYTES, max_bytes_from_environment, parse_bytes


@pytest.mark.parametrize(
    ("text", "count"),
    [("1500", 1500), ("2 KB", 2000), ("2KiB", 2048), ("1.5MiB", 1572864), ("1gib", 1024**3)],
)
def test_sizes_are_read(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "much", "-1", "2 TB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a size"):
        parse_bytes(text)


def test_the_environment_sets_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIL_CACHE_MAX_BYTES", raising=False)
    assert max_bytes_from_environment() == DEFAULT_MAX_BYTES
    monkeypatch.setenv("HIL_CACHE_MAX_BYTES", "3GiB")
    assert max_bytes_from_environment() == 3 * 1024**3
    monkeypatch.setenv("HIL_CACHE_MAX_BYTES", "lots")
    with pytest.raises(ConfigError, match="HIL_CACHE_MAX_BYTES: 'lots' is not a size"):
        max_bytes_from_environment()
