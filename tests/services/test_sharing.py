"""Others reach the app only where that was asked for, and only with a lock."""

from __future__ import annotations

import pytest

from delta_app.errors import SettingsError
from delta_app.services.sharing import host_of, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_what_only_this_computer_reaches(host: str) -> None:
    assert is_loopback(host)
    for share in (False, True):
        assert host_of(host, share=share, locked=True) == host


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "0", "10.1.2.3", "192.168.1.7", "no.such.name.invalid"]
)
def test_what_others_reach_needs_to_be_asked_for(host: str) -> None:
    assert not is_loopback(host)
    for locked in (False, True):
        with pytest.raises(SettingsError, match="would let other computers open") as caught:
            host_of(host, share=False, locked=locked)
        assert "--share" in caught.value.cure
        assert caught.value.field == "host"
    assert host_of(host, share=True, locked=True) == host


def test_sharing_needs_a_lock() -> None:
    for host in (None, "localhost", "0.0.0.0"):
        with pytest.raises(SettingsError, match="nothing keeps strangers out") as caught:
            host_of(host, share=True, locked=False)
        for word in ("DELTA_APP_PASSWORD", "--password-file", "[auth]", "8 characters"):
            assert word in caught.value.cure


def test_without_a_host_it_is_this_computer_or_all() -> None:
    assert host_of(None, share=False, locked=False) == "localhost"
    assert host_of(None, share=True, locked=True) == "0.0.0.0"
