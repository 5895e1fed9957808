"""Every term of the field that a page shows is explained on it, on hover, in the glossary's words."""

import re

import pytest
from google.protobuf.text_format import MessageToString
from visits import visit

from mesa_core import glossary

SAID = {  # how a term is known in a text
    "ASR": r"\bASR\b", "oracle": r"\boracle\b", "victim": r"\bvictim\b", "sub-model": r"\bsub-model", "hinge": r"\bhinge\b",
    "nats": r"\bnats\b", "protocol": r"\bprotocol\b", "code": r"\bcode \d", "entropy": r"\bentropy\b",
}  # fmt: skip
PAGES = [
    ("landscape", {}), ("compare", {}), ("paper", {}), ("paper", {"show": "figure4"}), ("paper", {"show": "figure3a"}),
    ("lab", {"screen": "all"}), *(("learn", {"step": str(i)}) for i in range(1, 7)),
]  # fmt: skip


def told(block):
    """All texts of a page, those that show on hover, too."""
    for child in block.children.values():
        if hasattr(child, "children"):
            yield from told(child)
        elif getattr(child, "proto", None) is not None:
            yield MessageToString(child.proto, as_utf8=True, as_one_line=True).replace("\\'", "'").replace('\\"', '"')


def unexplained(texts):
    """Terms that are said in one of the texts, and explained in none."""
    whole = "\n".join(texts)
    apart = whole
    for words in glossary.TERMS.values():  # an explanation may use a term itself
        apart = apart.replace(words, "")
    return [term for term, said in SAID.items() if re.search(said, apart, re.I) and glossary.TERMS[term] not in whole]


@pytest.mark.parametrize(("name", "address"), PAGES)
def test_what_a_page_says_is_explained_on_it(home, name, address):
    at = visit(name, **address)
    assert not at.exception
    texts = list(told(at.main))
    assert len(texts) > 5
    assert unexplained(texts) == []


def test_a_term_without_its_explanation_would_be_found():
    assert unexplained(["The ASR of code 495."]) == ["ASR", "code"]
    assert unexplained(["The ASR of code 495.", glossary.of("ASR", "code")]) == []


def test_a_term_that_is_unknown_is_an_error():
    with pytest.raises(KeyError):
        glossary.of("ASR", "no such term")
