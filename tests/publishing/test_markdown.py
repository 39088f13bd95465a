import pytest
from markupsafe import Markup

from cephkit.publishing.markdown import escaped


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("hrnet_w18_small", "hrnet_w18_small"),
        ("Pog`", r"Pog\`"),
        ("a | b", r"a \| b"),
        ("*bold* _it_", r"\*bold\* \_it\_"),
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("[a](http://b)", r"\[a\](http://b)"),
        ("one\n\n# two\x00", r"one \# two "),
        (7, "7"),
    ],
)
def test_a_value_is_nothing_but_text_on_one_line(value: object, text: str) -> None:
    assert escaped(value) == text


def test_what_is_markdown_already_stays_so() -> None:
    assert escaped(Markup("**MRE**")) == "**MRE**"
