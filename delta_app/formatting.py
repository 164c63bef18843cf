"""How numbers are said, on pages, in the command line and in reports alike."""

from __future__ import annotations

THIN_SPACE = "\u2009"


def percent(share: float | None, digits: int = 1) -> str:
    """0.9123 -> "91.2 %"; None -> "–"."""
    return "–" if share is None else f"{100 * share:.{digits}f}{THIN_SPACE}%"


def count(number: int) -> str:
    """15360 -> "15 360", with thin spaces."""
    return f"{number:,}".replace(",", THIN_SPACE)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """3, "picture" -> "3 pictures"."""
    return f"{count(number)} {singular if number == 1 else plural or singular + 's'}"


def millions(number: int) -> str:
    """11200000 -> "11.2 M"."""
    return f"{number / 1e6:.1f}{THIN_SPACE}M"


def significant(value: float, digits: int = 3) -> str:
    """0.6 -> "0.600"; 9.4213 -> "9.42"; 123456 -> "1.23e+05". A live number keeps its width."""
    return f"{value:#.{digits}g}".rstrip(".")


def duration(seconds: float | None) -> str:
    """84 -> "1 min 24 s"; 4210 -> "1 h 10 min"; 0.4 -> "0.4 s"; None -> "–"."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"


def size(number: float) -> str:
    """Bytes in decimal units: 6400000 -> "6.4 MB", 948300000 -> "948 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return (
                f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
            )
        number /= 1000
    return f"{number:.1f} TB"


def some(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """The first names and how many more there are: "a, b and 3 more"."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {count(len(names) - most)} more"
