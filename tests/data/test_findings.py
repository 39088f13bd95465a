from pathlib import Path
from typing import get_args

from cephkit.data.film import Film
from cephkit.data.findings import TITLES, Fault, Finding, Kind, doubts_note, of_problem, problems_of
from cephkit.data.labelled import Problem

FILM = Film("a", Path("a.png"), "train")


def test_every_kind_has_a_title_of_its_own() -> None:
    assert set(TITLES) == set(get_args(Kind))
    assert len(set(TITLES.values())) == len(TITLES)


def test_only_what_is_certain_is_a_problem() -> None:
    certain, doubt = Fault("corner", ("A",), "text", "remedy", certain=True), Fault("swapped", ("A", "B"), "text", "")
    (problem,) = problems_of([Finding(certain, "senior", FILM), Finding(doubt, "senior", FILM), Finding(certain)])
    assert (problem.kind, problem.text, problem.remedy) == ("label", "label of senior: text", "remedy")
    assert (problem.film_id, problem.split, problem.path) == ("a", "train", Path("a.png"))


def test_a_problem_of_a_reader_comes_back_as_it_was() -> None:
    problem = Problem("film", "torn", "copy it", film_id="set/a", split="test", path=Path("a.png"), source="set")
    finding = of_problem(problem)
    assert (finding.film and finding.film.source, finding.fault.certain) == ("set", True)
    assert [str(each) for each in problems_of([finding])] == [str(problem)]


def test_the_note_lists_doubts_of_shape_alone() -> None:
    shape, twins = Fault("swapped", ("A", "B"), "A and B", "look"), Fault("twins", (), "x = y", "")
    (note,) = doubts_note([Finding(shape, "senior", FILM), Finding(twins, film=FILM)], [FILM])
    assert note.text == "labels in doubt, kept: 1\n  train/a (senior): A and B; look"
    assert doubts_note([Finding(shape, "senior", FILM)], []) == []


def test_a_habit_of_an_annotator_names_the_data_set_where_there_are_several() -> None:
    fault = Fault("swapped", ("A", "B"), "A and B", "look")
    assert Finding(fault, "senior").where == "all films (senior)"
    assert Finding(fault, "senior", source="isbi").where == "all films of isbi (senior)"
