"""What to say of a folder that is not laid out as expected: one message a situation."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from delta_app.data.listing import Listing, list_folder
from delta_app.data.names import is_picture, printable
from delta_app.data.nearby import class_folders, folder_above, folder_below, similar_folder
from delta_app.data.records import SPLIT_WORDS, Problem, SplitName
from delta_app.formatting import counted, some

LAYOUT = "Expected one folder of pictures a class, or train, val and test folders of such folders"


def not_a_readable_folder(root: Path, text: str) -> Problem | None:
    """Why `root` cannot be listed; None where it can."""
    if not text.strip():
        return Problem("error", "No folder chosen.", "No folder was given.", cure="Choose one.")
    try:
        status = os.stat(root)
        if not stat.S_ISDIR(status.st_mode):
            return _a_file(root)
        list_folder(root)
    except FileNotFoundError:
        return _not_there(root)
    except NotADirectoryError:
        return _not_there(root)
    except PermissionError:
        return Problem(
            "error",
            "No permission.",
            f"{_shown(root)} may not be read by this user.",
            cure=f"Allow it (chmod -R u+rX {_shown(root)}), or choose another folder.",
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return Problem(
            "error",
            "The folder cannot be opened.",
            f"{_shown(root)} cannot be opened: {reason}.",
            cure="Check the path, and that its drive is connected.",
        )
    return None


def _a_file(root: Path) -> Problem:
    suggestion = None
    if is_picture(root.name):
        suggestion = folder_above(root.parent)
        cure = "Choose the folder that holds the folders of all classes."
    elif root.suffix.casefold() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        cure = "Unpack it and choose the folder that comes out."
    else:
        cure = "Choose the folder that holds the pictures."
    return _problem("Not a folder.", f"{_shown(root)} is a file, not a folder.", cure, suggestion)


def _not_there(root: Path) -> Problem:
    parent = next((each for each in root.parents if each.is_dir()), None)
    message = f"{_shown(root)} does not exist."
    if parent is not None and parent != root.parent:
        message += f" The nearest folder that does is {_shown(parent)}."
    similar = similar_folder(root) if parent == root.parent else None
    cure = f"Did you mean {_shown(similar)}?" if similar else "Check the spelling of the path."
    return _problem("The folder does not exist.", message, cure, similar)


def too_high(root: Path, inner: list[Path]) -> Problem:
    """`root` holds whole datasets, each with splits of its own."""
    return _problem(
        "One level too high.",
        f"{LAYOUT}; found in {_shown(root)} folders that have splits of their own: "
        f"{some([printable(each.name) for each in inner])}.",
        f"Choose {_shown(inner[0])}" + (" or one of the others." if len(inner) > 1 else "."),
        inner[0],
    )


def no_classes(root: Path, listing: Listing) -> Problem:
    """No folder in `root` holds a picture."""
    name = printable(root.name)
    if listing.pictures:
        above = folder_above(root)
        choose = f"Choose the folder above ({_shown(above)})" if above else "Choose another folder"
        return _problem(
            "No classes here.",
            f"Expected folders of pictures in {name}/; found "
            f"{counted(len(listing.pictures), 'picture')} directly in it.",
            f"{choose}, or sort them into one folder a class.",
            above,
        )
    found = [f"{printable(each.name)}/" for each in listing.folders]
    found += [printable(path.name) for path, _ in listing.refused]
    found += [printable(other) for other in listing.others]
    if not found:
        return _problem(
            "The folder is empty.",
            f"{LAYOUT}; {_shown(root)} is empty.",
            "Put pictures into it, one folder a class, or choose another folder.",
            folder_above(root),
        )
    return _problem(
        "No pictures here.",
        f"{LAYOUT}; found no picture in {_shown(root)} or the folders in it, but {some(found)}.",
        "Choose another folder, or put JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF pictures into it.",
        folder_above(root) if not listing.folders else None,
    )


def one_class(root: Path, only: str, listing: Listing) -> Problem:
    """All pictures of `root` lie in one folder: a class, or the dataset itself."""
    below = None if listing.pictures else folder_below(root)
    if below is not None:
        found = [printable(each.name) for each in class_folders(below)]
        return _problem(
            "One level too high.",
            f"{LAYOUT}; found in {_shown(root)} the single folder {printable(only)}, and further "
            f"down {some(found)}.",
            f"Choose {_shown(below)}.",
            below,
        )
    above = folder_above(root)
    return _problem(
        "Only one class.",
        f"A classifier needs two classes at least; {_shown(root)} has pictures in "
        f"{printable(only)} alone.",
        f"Choose {_shown(above)}."
        if above
        else "Add a folder for each further class, for example one of pictures that show none.",
        above,
    )


def one_split_of(root: Path, above: Path) -> Problem:
    """`root` is the train (or test) folder of a dataset with more splits."""
    beside = [printable(f.name) for f in class_folders(above) if f.name != root.name]
    return Problem(
        "warning",
        "One split of several.",
        f"{printable(root.name)} is one split of {_shown(above)}, which also has {some(beside)}. "
        "Chosen alone, its pictures are cut into splits anew.",
        cure=f"Choose {_shown(above)} to use the splits it has.",
        suggestion=str(above),
    )


def splits_inside_classes(inner: list[Path]) -> Problem:
    """Classes that hold folders called train or test, which are not taken for splits."""
    return Problem(
        "warning",
        "Splits inside the classes.",
        f"{some([printable(each.name) for each in inner])}: folders called train, val or test "
        "inside a class are not taken for splits; all their pictures are cut anew.",
        cure="To use them, turn the order round: train/CLASS, val/CLASS, test/CLASS.",
    )


def two_folders_of_a_split(split: SplitName, folders: list[Path]) -> Problem:
    """Say `val` and `valid`, or `train` and `Train`."""
    return Problem(
        "warning",
        f"Two {SPLIT_WORDS[split]} folders.",
        f"{some([printable(each.name) for each in folders])} both hold {SPLIT_WORDS[split]} "
        "pictures and are taken together.",
        cure="Keep one, if the other is left from before.",
    )


def cannot_list(relative: str, error: OSError) -> Problem:
    """A split's or a class's folder that cannot be opened: the class would vanish."""
    if isinstance(error, PermissionError):
        return _problem(
            "No permission.",
            f"The folder {relative} may not be read by this user.",
            "Allow it (chmod -R u+rX), or move it away to do without it.",
        )
    return _problem(
        "A folder cannot be opened.",
        f"The folder {relative} cannot be opened: {error.strerror or error}.",
        "Check its drive, or move it away to do without it.",
    )


def no_classes_in_split(split: SplitName, folder: Path, inside: Listing) -> Problem:
    """Pictures lie in a split's folder without class folders."""
    return _problem(
        f"No classes in {printable(folder.name)}.",
        f"Expected folders of pictures in {printable(folder.name)}/; found "
        f"{counted(len(inside.pictures), 'picture')} directly in it.",
        "Sort them into one folder a class, named as in training."
        if split != "train"
        else "Sort them into one folder a class.",
    )


def no_training_pictures(root: Path, by_split: Mapping[SplitName, list[Path]]) -> Problem:
    """There are splits, but none to train on."""
    found = [printable(folder.name) for each in by_split.values() for folder in each]
    return _problem(
        "No training pictures.",
        f"Expected a train folder with one folder of pictures a class in {_shown(root)}; found "
        f"{some(found)}.",
        "Put the training pictures into train/CLASS.",
    )


def folders_beside_splits(beside: list[Path]) -> Problem:
    """Folders with pictures beside train, val and test, which are none of them."""
    return Problem(
        "warning",
        "Folders beside the splits.",
        f"{some([printable(each.name) for each in beside])}: beside train, val and test, so "
        "passed over.",
        cure="Move pictures that should be used into one of the splits.",
    )


def _problem(title: str, message: str, cure: str, suggestion: Path | None = None) -> Problem:
    return Problem("error", title, message, cure, None if suggestion is None else str(suggestion))


def _shown(path: Path) -> str:
    return printable(str(path))
