from __future__ import annotations

import threading
import time

import pytest

from delta_app.services.kept import Kept


def test_a_value_is_made_once() -> None:
    kept: Kept[bytes] = Kept(100, len)
    made = []

    def make() -> bytes:
        made.append(1)
        return b"value"

    assert kept.get("a", make) == kept.get("a", make) == b"value"
    assert len(made) == 1


def test_the_one_used_longest_ago_goes_first() -> None:
    kept: Kept[bytes] = Kept(10, len)
    for key in "ab":
        kept.get(key, lambda: bytes(5))
    kept.get("a", lambda: pytest.fail("still there"))
    kept.get("c", lambda: bytes(5))
    assert kept.bytes == 10
    kept.get("a", lambda: pytest.fail("used after b"))
    remade = []
    kept.get("b", lambda: remade.append(1) or bytes(5))
    assert remade


def test_a_value_larger_than_all_that_is_allowed_is_still_kept_until_the_next() -> None:
    kept: Kept[bytes] = Kept(10, len)
    kept.get("small", lambda: bytes(5))
    kept.get("large", lambda: bytes(50))
    assert len(kept) == 1
    kept.get("large", lambda: pytest.fail("kept"))


def test_two_threads_that_ask_at_once_share_one_making() -> None:
    kept: Kept[bytes] = Kept(100, len)
    made, found = [], []

    def make() -> bytes:
        made.append(1)
        time.sleep(0.05)
        return b"x"

    threads = [threading.Thread(target=lambda: found.append(kept.get("a", make))) for _ in "1234"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"x"] * 4
    assert len(made) == 1


def test_a_slow_making_does_not_hold_up_another_key() -> None:
    kept: Kept[bytes] = Kept(100, len)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> bytes:
        begun.set()
        assert go_on.wait(5)
        return b"slow"

    thread = threading.Thread(target=lambda: kept.get("slow", slow))
    thread.start()
    assert begun.wait(5)
    assert kept.get("quick", lambda: b"quick") == b"quick"
    go_on.set()
    thread.join()


def test_a_failure_is_passed_on_and_tried_again() -> None:
    kept: Kept[bytes] = Kept(100, len)

    def fail() -> bytes:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        kept.get("a", fail)
    assert kept.get("a", lambda: b"back") == b"back"


def test_outdated_values_are_forgotten() -> None:
    kept: Kept[bytes] = Kept(100, len)
    for key in ("a", "b"):
        kept.get(key, lambda: b"x")
    kept.forget(lambda key: key == "a")
    assert len(kept) == 1


def test_no_more_than_so_many_are_kept_however_small() -> None:
    kept: Kept[int] = Kept(1_000, lambda value: 1, most=3)
    for number in range(10):
        kept.get(number, lambda number=number: number)
        assert len(kept) <= 3
    assert [kept.get(number, lambda: -1) for number in (7, 8, 9)] == [7, 8, 9]
