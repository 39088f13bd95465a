import base64
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cephkit.data.names import is_file_name
from cephkit.errors import LabelError
from cephkit.interchange.address import film_files

NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(is_file_name)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("f.png", ("f.png",)),
        ("1.2.840.1", ("1.2.840.1",)),
        ("train/f.png", ("f.png",)),
        ("C:\\films\\f.png", ("f.png",)),
        ("c:/films/f.png", ("f.png",)),
        ("films/a%20b.png", ("a%20b.png", "a b.png")),
        ("films/what?.png#1", ("what?.png#1",)),
        ("upload/0a1b2c3d-f.png", ("0a1b2c3d-f.png",)),
        ("/data/local-files/?d=films/a%20b.png", ("a b.png", "a%20b.png")),
        ("/data/local-files?d=films%2Fa%2520b.png", ("a%20b.png", "local-files?d=films%2Fa%2520b.png")),
        ("http://localhost:8080/data/local-files/?d=films\\f.png", ("f.png",)),
        ("data/local-files/?d=1.2.840.1", ("1.2.840.1", "?d=1.2.840.1")),
        ("/data/upload/3/0a1b2c3d-a%20b.png", ("a b.png", "0a1b2c3d-a b.png", "0a1b2c3d-a%20b.png")),
        ("https://host/label/data/upload/3/0a1b2c3d-f.png", ("f.png", "0a1b2c3d-f.png")),
        ("https://host/films/f.png?X-Signature=a/b#c", ("f.png", "b#c")),
        ("file:///home/a/f%231.png", ("f#1.png", "f%231.png")),
        ("s3://films/a%20b #1.png", ("a%20b #1.png",)),
        ("http://[bad/f.png", ("f.png",)),
    ],
)
def test_the_file_that_a_path_or_an_address_names(written: str, names: tuple[str, ...]) -> None:
    assert film_files(written, "here") == names


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("films/a%20b.png", "a b.png"),
        ("f.png", "f.png"),
        ("images/1a2b3c4d__a%20b.png", "a b.png"),
        ("images/1a2b3c4d__0a1b2c3d-f.png", "f.png"),
        ("images\\0a1b2c3d-f.png", "f.png"),
        ("../../media/upload/3/0a1b2c3d-f.png", "f.png"),
        ("/data/local-files/?d=1a2b3c4d__f.png", "1a2b3c4d__f.png"),
        ("/data/local-files/?d=0a1b2c3d-f.png", "0a1b2c3d-f.png"),
        ("/storage-data/uploaded/?filepath=upload/3/0a1b2c3d-f.png", "f.png"),
        (f"/tasks/7/presign/?fileuri={base64.urlsafe_b64encode(b's3://films/x/f 1.png').decode()}", "f 1.png"),
        ("/tasks/7/resolve/?fileuri=%FF", "\ufffd"),
    ],
)
def test_what_label_studio_makes_of_a_film(written: str, name: str) -> None:
    assert film_files(written, "here", by_label_studio=True)[0] == name


@pytest.mark.parametrize(
    "written", ["data:image/png;base64,iVBORw0KGgo=", "DATA:image/png", "data:;base64,aaaa", "data:,"]
)
def test_a_picture_in_place_of_an_address_is_refused(written: str) -> None:
    for by_label_studio in (False, True):
        with pytest.raises(
            LabelError, match=r"task 3: the picture stands in the file itself .* give the tool the films"
        ):
            film_files(written, "task 3", by_label_studio=by_label_studio)


@given(NAMES)
def test_a_name_stays_as_it_is_and_an_address_leads_to_it(name: str) -> None:
    assert film_files(name, "here")[0] == name
    assert film_files(f"films\\{name}", "here")[0] == name
    encoded = quote(name, safe="")
    for address in (f"/data/local-files/?d=films/{encoded}", f"https://host/films/{encoded}?token=1"):
        for by_label_studio in (False, True):
            assert film_files(address, "here", by_label_studio=by_label_studio)[0] == name


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_no_text_is_too_odd(written: str) -> None:
    for start in ("", "http://", "/data/local-files/?d=", "/tasks/1/presign/?fileuri=", "s3://"):
        assert film_files(start + written.replace("data:", ""), "here", by_label_studio=True)
