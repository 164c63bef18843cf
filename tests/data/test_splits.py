"""Splits are stratified, seeded, disjoint by content, and stay where they are."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delta_app.config import DataSettings
from delta_app.data.records import SPLITS, DatasetCheck, Picture, Problem, SplitName, Splits
from delta_app.data.splits import make_splits
from delta_app.errors import DatasetError


def picture(label: int, number: int, content: str = "", split: str = "") -> Picture:
    name = f"{split}c{label}/{number:03d}.png"
    digest = hashlib.sha256((content or name).encode()).hexdigest()
    return Picture(f"/data/{name}", name, label, digest, 20, 14)


def checked(
    train: list[Picture],
    val: list[Picture] | None = None,
    test: list[Picture] | None = None,
    problems: tuple[Problem, ...] = (),
) -> DatasetCheck:
    found: dict[SplitName, tuple[Picture, ...]] = {"train": tuple(train)}
    if val is not None:
        found["val"] = tuple(val)
    if test is not None:
        found["test"] = tuple(test)
    n_classes = 1 + max(each.label for each in train)
    return DatasetCheck(
        "/data", "data", tuple(f"c{i}" for i in range(n_classes)), found, (), problems
    )


def cut(check: DatasetCheck, **chosen: Any) -> Splits:
    return make_splits(check, DataSettings(data=check.root, **chosen))


def flat(*counts: int) -> DatasetCheck:
    return checked([picture(c, i) for c, number in enumerate(counts) for i in range(number)])


def test_shares_by_hand() -> None:
    """Of 28: test round(5.6) = 6, of the 22 left val round(4.4) = 4. Of 10: 2, then 2 of 8."""
    splits = cut(flat(28, 10))
    assert splits.counts() == {"train": [18, 6], "val": [4, 2], "test": [6, 2]}


def test_given_splits_stay_as_they_are() -> None:
    train = [picture(c, i, split="train/") for c in (0, 1) for i in range(10)]
    test = [picture(c, i, split="test/") for c in (0, 1) for i in range(3)]
    splits = cut(checked(train, test=test))
    assert set(splits.test) == set(test)
    assert splits.counts() == {"train": [8, 8], "val": [2, 2], "test": [3, 3]}
    all_given = cut(checked(train, test, test))
    assert (set(all_given.train), set(all_given.val)) == (set(train), set(test))


def test_shares_of_zero_cut_nothing() -> None:
    splits = cut(flat(10, 10), val_fraction=0, test_fraction=0)
    assert splits.counts() == {"train": [10, 10], "val": [0, 0], "test": [0, 0]}


def test_small_classes_keep_one_to_train_and_give_one_to_test() -> None:
    splits = cut(flat(2, 3, 50))
    assert splits.counts() == {"train": [1, 1, 32], "val": [0, 1, 8], "test": [1, 1, 10]}


def test_seed_decides_and_nothing_else() -> None:
    check = flat(20, 20)
    assert cut(check) == cut(check)
    assert cut(check).test != cut(check, split_seed=1).test
    turned = dataclasses.replace(check, given={"train": check.given["train"][::-1]})
    assert cut(turned) == cut(check)


def test_known_split_never_changes() -> None:
    """A split that changed between versions would put test pictures into training.

    Of five pictures one tests: the one whose sha256 of seed, purpose and content comes first.
    """
    check = flat(5, 5)
    first = [
        min(
            (p for p in check.given["train"] if p.label == label),
            key=lambda p: hashlib.sha256(f"0 test {p.digest}".encode()).digest(),
        )
        for label in (0, 1)
    ]
    assert list(cut(check).test) == first
    assert [p.relative for p in first] == ["c0/002.png", "c1/003.png"]


def test_renamed_files_stay_in_their_split() -> None:
    check = flat(20, 20)
    renamed = [dataclasses.replace(p, relative=f"x{p.relative}") for p in check.given["train"]]
    after = cut(dataclasses.replace(check, given={"train": tuple(renamed)}))
    assert {p.digest for p in after.test} == {p.digest for p in cut(check).test}


def test_a_new_class_moves_no_other_picture() -> None:
    before, after = cut(flat(20, 20)), cut(flat(20, 20, 20))
    assert [p for p in after.test if p.label < 2] == list(before.test)


def test_cap_keeps_val_and_test_and_is_nested() -> None:
    check = flat(20, 20, 3)
    whole, five, two = cut(check), cut(check, per_class=5), cut(check, per_class=2)
    assert five.counts()["train"] == [5, 5, 1]
    assert (five.val, five.test) == (whole.val, whole.test)
    assert set(two.train) < set(five.train) < set(whole.train)
    assert cut(check, per_class=5, split_seed=3).train != five.train


def test_cap_takes_copies_last() -> None:
    train = [picture(c, i, f"{c} {i // 3}") for c in (0, 1) for i in range(30)]  # thrice each
    splits = cut(checked(train), per_class=4, val_fraction=0)
    for label in (0, 1):
        kept = [p.digest for p in splits.train if p.label == label]
        assert len(kept) == len(set(kept)) == 4


@settings(max_examples=60, deadline=None)
@given(
    contents=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=12, max_size=60),
    val=st.sampled_from([0.0, 0.1, 0.2, 0.5]),
    test=st.sampled_from([0.0, 0.1, 0.3, 0.8]),
    seed=st.integers(0, 5),
)
def test_every_picture_in_one_split_and_copies_together(
    contents: list[tuple[int, int]], val: float, test: float, seed: int
) -> None:
    """Contents repeat within and across classes."""
    pictures = [picture(label, i, f"{c}") for i, (label, c) in enumerate(contents)]
    pictures += [picture(label, 1000 + label, f"own {label}") for label in range(3)]
    pictures += [picture(label, 2000 + label, f"own too {label}") for label in range(3)]
    try:
        splits = cut(checked(pictures), val_fraction=val, test_fraction=test, split_seed=seed)
    except DatasetError:
        return  # every picture of a class may be a copy of one in another class
    parts = [splits.of(name) for name in SPLITS]
    assert sorted(p.relative for part in parts for p in part) == sorted(
        p.relative for p in pictures
    )
    digests = [{p.digest for p in part} for part in parts]
    assert not digests[0] & digests[1]
    assert not digests[0] & digests[2]
    assert not digests[1] & digests[2]
    assert {p.label for p in splits.train} == {0, 1, 2}
    assert bool(splits.test) == (test > 0)
    assert bool(splits.val) == (val > 0)


@pytest.mark.parametrize("count", [10, 33, 100])
@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.8])
def test_shares_without_copies_are_exact(count: int, fraction: float) -> None:
    splits = cut(flat(count, count), val_fraction=0, test_fraction=fraction)
    assert splits.counts()["test"] == [int(fraction * count + 0.5)] * 2


def test_unusable_folder_is_refused_with_its_own_words() -> None:
    problem = Problem("error", "Only one class.", "Found cats.", "Add dogs.")
    with pytest.raises(DatasetError, match=r"Only one class\. Found cats\.") as raised:
        cut(checked([picture(0, 0)], problems=(problem,)))
    assert raised.value.cure == "Add dogs."
    assert raised.value.field == "data"


def test_nothing_to_validate_by_names_the_setting() -> None:
    train = [picture(0, 0), picture(1, 0)]
    with pytest.raises(DatasetError, match=r"validation share of 0\.2") as raised:
        cut(checked(train, test=[picture(0, 5), picture(1, 5)]))
    assert raised.value.field == "val_fraction"
    assert "0" in raised.value.cure


def test_json_there_and_back() -> None:
    splits = cut(flat(10, 10))
    assert Splits.from_json(json.loads(json.dumps(splits.to_json()))) == splits
