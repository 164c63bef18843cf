"""A password is read, compared and guarded against guessing; it is nowhere in the open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from delta_app.errors import SettingsError
from delta_app.services import password
from delta_app.services.password import FREE_TRIES, LONGEST_WAIT, Password, Tries, read_password

RIGHT = "correct horse"


@pytest.mark.parametrize("given", ["", "correct", RIGHT.upper(), RIGHT + " ", "\ud800", "x" * 9999])
def test_only_the_password_matches(given: str) -> None:
    assert Password(RIGHT).matches(RIGHT)
    assert not Password(RIGHT).matches(given)


def test_one_letter_may_be_written_in_two_ways() -> None:
    assert Password("na\u00efve password").matches("nai\u0308ve password")


def test_hashes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    in_constant_time = password.hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return in_constant_time(one, other)

    monkeypatch.setattr(password.hmac, "compare_digest", compare)
    own = Password(RIGHT)
    assert not own.matches("wrong")
    ((one, other),) = compared
    assert len(one) == len(other) == 32
    assert RIGHT not in repr(vars(own)), "the password itself is not kept"
    assert vars(own) != vars(Password(RIGHT)), "another salt for each process"


def test_a_short_password_is_refused() -> None:
    with pytest.raises(SettingsError, match="has 7 characters, expected 8"):
        Password("1234567")


def test_it_comes_from_a_file_or_the_environment_and_stays_in_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DELTA_APP_PASSWORD", raising=False)
    assert read_password(None) is None
    monkeypatch.setenv("DELTA_APP_PASSWORD", RIGHT)
    found = read_password(None)
    assert found is not None
    assert found.matches(RIGHT)
    assert "DELTA_APP_PASSWORD" not in os.environ, "what this process starts does not inherit it"
    file = tmp_path / "password"
    file.write_text(f" {RIGHT} \r\nsecond line\n")
    monkeypatch.setenv("DELTA_APP_PASSWORD", "another one")
    found = read_password(file)
    assert found is not None
    assert found.matches(f" {RIGHT} "), "spaces belong to it, line breaks do not"
    file.write_text("\n")
    with pytest.raises(SettingsError, match="0 characters"):
        read_password(file)
    for wrong in (tmp_path / "gone", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read") as caught:
            read_password(wrong)
        assert "DELTA_APP_PASSWORD" in caught.value.cure
    file.write_bytes(b"\xff\xfe\x00bad text")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_password(file)


def test_each_failed_try_makes_the_next_wait_longer() -> None:
    now = [100.0]
    tries = Tries(lambda: now[0])
    waits = []
    for _ in range(12):
        assert tries.wait == 0
        tries.failed()
        waits.append(tries.wait)
        now[0] += tries.wait
    assert waits[: FREE_TRIES - 1] == [0.0] * (FREE_TRIES - 1)
    assert waits[FREE_TRIES - 1 :] == [1, 2, 4, 8, 16, 32, *[LONGEST_WAIT] * 4]
    tries.failed()
    now[0] += 10
    assert tries.wait == LONGEST_WAIT - 10
    tries.succeeded()
    assert tries.wait == 0
    tries.failed()
    assert tries.wait == 0
