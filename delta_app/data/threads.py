"""Work on many files in a few threads, in order, with progress, cancel and bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from delta_app.errors import Cancelled

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
IsCancelled = Callable[[], bool]

DECODE_THREADS = 4
_AHEAD = 4  # results waiting per thread: enough to keep all busy, few enough to stay small


def in_threads(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    threads: int = DECODE_THREADS,
    on_progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Iterator[Result]:
    """`work` of every item, in the items' order, a few at a time.

    Args:
        on_progress: called with (done, total) after each item, in the caller's thread.
        cancelled: asked before each item.

    Raises:
        Cancelled: `cancelled` said so, or the interpreter is ending.
        Whatever `work` raises, at that item's turn.
    """
    if not items:
        return
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="delta-decode")
    try:
        following = iter(items)
        for done in range(len(items)):
            if cancelled is not None and cancelled():
                raise Cancelled
            while len(pending) < threads * _AHEAD:
                item = next(following, _END)
                if isinstance(item, _End):
                    break
                pending.append(_submit(pool, work, item))
            yield pending.popleft().result()
            if on_progress is not None:
                on_progress(done + 1, len(items))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _End:
    """Marks the end of the items."""


_END = _End()


def _submit(pool: ThreadPoolExecutor, work: Callable[[Item], Result], item: Item) -> Future[Result]:
    try:
        return pool.submit(work, item)
    except RuntimeError as error:
        # A process that ends takes no more work: that is a stop, not a failure.
        if "interpreter shutdown" in str(error):
            raise Cancelled from error
        raise
