"""The Arabic catalogue: complete, with the placeholders of the English, and compiled."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from stb_service.shared.assets import LOCALE, compile_catalogues, extract_messages, untranslated

pytestmark = pytest.mark.xdist_group("texts")  # the code is searched for them once
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|\{\w+\}")
FORMS = 6
SAID_IN_WORDS = 3  # none, one and two: an Arabic word says the number
SAME_IN_BOTH = {"UTF-8", "XLSX"}
ANYTHING = defaultdict[str, int](int, num=3)
SQL = {"PRAGMA defer_foreign_keys=ON"}  # found by the extraction, read by nobody


def read_catalogue() -> Catalog:
    with (LOCALE / "ar" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="ar")


def messages() -> Iterator[tuple[Message, str, tuple[str, ...]]]:
    """Yield each message with its English (the plural, if it has one) and its Arabic forms."""
    for message in read_catalogue():
        if message.id:
            english = message.id if isinstance(message.id, str) else message.id[-1]
            arabic = message.string
            yield message, english, (arabic,) if isinstance(arabic, str) else tuple(arabic or ())


def placeholders(words: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(words))


def test_no_text_of_the_code_is_untranslated() -> None:
    assert set(untranslated("ar")) <= SQL


def test_every_translation_has_the_placeholders_of_its_text_and_no_other() -> None:
    wrong = []
    for message, english, arabic in messages():
        wanted = placeholders(english)
        for form, words in enumerate(arabic):
            found = placeholders(words)
            may_lack_the_number = message.pluralizable and form < SAID_IN_WORDS
            if words and found != wanted and not (may_lack_the_number and found <= wanted):
                wrong.append((english, words))

    assert wrong == []


def test_every_message_can_be_formatted_and_shows_no_percent_sign_twice() -> None:
    """Messages are always %-formatted: by `Text`, and by Jinja's `_()`."""
    bare = [words for words in all_messages() if "%" in PLACEHOLDER.sub("", words)]
    shown = [words % ANYTHING for words in set(all_messages()) - set(bare)]

    assert bare == []
    assert [words for words in shown if "%%" in words or "%(" in words] == []


def all_messages() -> list[str]:
    """Return every text of the code in all its forms, and every translation."""
    code = extract_messages()
    found = [message.id for message in code if message.id and message.id not in SQL]
    found += [message.string for message in read_catalogue() if message.id and message.string]
    return [words for each in found for words in ([each] if isinstance(each, str) else each)]


def test_no_text_was_left_in_english() -> None:
    same = {
        english
        for _message, english, arabic in messages()
        if english in arabic and re.search(r"[A-Za-z]", PLACEHOLDER.sub("", english))
    }

    assert same <= SAME_IN_BOTH


def test_a_translation_neither_gains_nor_loses_blanks_at_its_ends() -> None:
    for _message, english, arabic in messages():
        for words in filter(None, arabic):
            assert (words != words.strip()) == (english != english.strip()), words


def test_every_plural_has_all_its_forms() -> None:
    assert read_catalogue().num_plurals == FORMS

    for message, english, arabic in messages():
        if message.pluralizable:
            assert len(arabic) == FORMS, english
            assert all(arabic), english


@pytest.fixture
def compiled(tmp_path: Path) -> GNUTranslations:
    folder = tmp_path / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = LOCALE / "ar" / "LC_MESSAGES" / "messages.po"
    (folder / "messages.po").write_bytes(source.read_bytes())

    compile_catalogues(tmp_path)

    with (folder / "messages.mo").open("rb") as file:
        return GNUTranslations(file)


def test_the_compiled_catalogue_speaks(compiled: GNUTranslations) -> None:
    assert compiled.gettext("Boxes") == "الأجهزة"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "لا أجهزة"),
        (1, "جهاز واحد"),
        (2, "جهازان"),
        (3, "%(num)s أجهزة"),
        (11, "%(num)s جهازًا"),
        (100, "%(num)s جهاز"),
    ],
)
def test_the_compiled_catalogue_counts(compiled: GNUTranslations, number: int, words: str) -> None:
    assert compiled.ngettext("%(num)s box", "%(num)s boxes", number) == words
