"""Runs a predictor over many films, with few of them in memory."""

from collections.abc import Callable, Iterable, Sequence

from cephkit.data.film import Film
from cephkit.inference.predictor import Found, Predictor
from cephkit.inference.preprocess import PreprocessedFilm, preprocess
from cephkit.inference.stream import batched, in_order

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
