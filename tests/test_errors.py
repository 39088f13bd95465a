"""Errors that a user can act on: fields, message, and the way through another process."""

import pickle
from pathlib import Path

import pytest
from torch._utils import ExceptionWrapper

from cephkit.errors import CephkitError, DataError, FilmError, LabelError, Note, SettingsError

FILM = FilmError("the file is empty", "copy it again", Path("a.png"))


def test_the_message_is_path_text_and_remedy() -> None:
    assert str(FILM) == "a.png: the file is empty; copy it again"
    assert (FILM.text, FILM.remedy, FILM.path, FILM.kind) == (
        "the file is empty", "copy it again", Path("a.png"), "film",
    )  # fmt: skip
    assert FILM.advice == "the file is empty; copy it again"


def test_a_message_alone_will_do() -> None:
    error = SettingsError("--vram must be above 0")
    assert str(error) == error.text == "--vram must be above 0"
    assert (error.remedy, error.path) == ("", None)


def test_a_raise_site_may_say_more_exactly_what_it_is_about() -> None:
    assert LabelError("torn").kind == "label"
    assert DataError("no room", kind="memory").kind == "memory"
    assert DataError("still another").kind == "data set"


@pytest.mark.parametrize("error", [FILM, DataError("two films", problems=[Note("film", "torn", "mend it")])])
def test_errors_pass_between_processes_whole(error: CephkitError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_an_error_from_a_loader_worker_loses_the_traceback_that_it_comes_in() -> None:
    try:
        raise FILM from ValueError("zero bytes")
    except FilmError:
        wrapped = ExceptionWrapper(where="in DataLoader worker process 1")
    with pytest.raises(FilmError) as caught:
        wrapped.reraise()
    assert str(caught.value) == "a.png: the file is empty; copy it again"


def test_a_note_is_its_text_and_remedy() -> None:
    assert str(Note("machines", "no pixel size", "add it")) == "no pixel size; add it"
    assert str(Note("machines", "no pixel size")) == "no pixel size"
