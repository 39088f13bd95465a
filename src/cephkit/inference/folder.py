"""Works on many films side by side, in order, with few of them in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from cephkit.data.film import Film
from cephkit.inference.predictor import Found, Predictor
from cephkit.inference.preprocess import PreprocessedFilm, preprocess

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """``function`` of each item, in their order, computed by ``workers`` threads, one item a worker ahead.

    What ``function`` raises is raised where its result would have come.

    Args:
        function: called in a thread; with 0 workers in this one.
        items: may be endless.
        workers: threads.
    """
    if workers == 0:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """``items`` in lists of ``size``, the last perhaps shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


Progress = Callable[[Sequence[Film]], Iterable[Film]]


def predict_films(
    predictor: Predictor,
    films: Sequence[Film],
    batch_size: int = 2,
    num_workers: int = 0,
    progress: Progress | None = None,
) -> Found:
    """Find the landmarks of all ``films``, in their order, as ``Model.predict`` does.

    Films that do not look like a lateral cephalogram keep their points, because whoever judges a model must see them;
    ``poses`` say which they are. A DICOM film with an impossible pixel size is read without it.

    Args:
        predictor: what predicts.
        films: files that can be read.
        batch_size: films per forward pass.
        num_workers: threads that read films ahead; 0 reads in this one.
        progress: wraps the films, to display how far it is or to stop.

    Raises:
        FilmError: a film cannot be read.
    """

    def read(film: Film) -> PreprocessedFilm:
        return preprocess(film.path, predictor.canvas_sizes, film.spacing, ignore_bad_spacing=True)

    listed = films if progress is None else progress(films)
    return Found.joined([predictor.run(batch) for batch in batched(in_order(read, listed, num_workers), batch_size)])
