"""The house is in order: commands, README, paths, locks."""

from __future__ import annotations

import re

import pytest

from tests.architecture.source import ROOT, keys, named, tracked

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = keys(MAKEFILE, r"^([a-z][a-z-]*):(?!=)")
LOCKS = tracked("requirements/*.txt")


def test_every_command_says_what_it_does():
    silent = TARGETS - keys(MAKEFILE, r"^([a-z][a-z-]*):[^#\n]*## \S")

    assert silent == set()


def test_every_command_is_phony_since_files_may_bear_its_name():
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)

    assert set(phony.split()) == TARGETS


@pytest.mark.parametrize("page", [p for p in tracked("*.md") if p.name != "CHANGELOG.md"], ids=named)
def test_every_command_that_a_page_names_exists(page):
    text = page.read_text()
    shown = keys(text, r"^ {4}make ([a-z][a-z-]*)") | keys(text, r"`make ([a-z][a-z-]*)")

    assert shown <= TARGETS


@pytest.mark.parametrize("page", tracked("*.md"), ids=named)
def test_every_page_that_a_page_links_to_exists(page):
    links = keys(page.read_text(), r"\]\(([^)#:]+)\)")

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_can_be_read_in_one_sitting():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


# Written so that this file does not name them itself.
MACHINES = re.compile("|".join(("/opt/" + "tf-plugins", "(?<![\\w.])/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/")))


def test_no_file_names_a_place_that_only_one_machine_has():
    guilty = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        guilty += [f"{named(path)}:{n}" for n, line in enumerate(text.splitlines(), 1) if MACHINES.search(line)]
    assert guilty == []


def test_there_are_locks():
    assert {"etl.txt", "ml.txt", "test.txt", "dev.txt"} <= {path.name for path in LOCKS}


@pytest.mark.parametrize("lock", LOCKS, ids=named)
def test_a_lock_pins_every_package_by_version_and_hash_and_holds_no_url(lock):
    text = lock.read_text()
    packages = [p for p in re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE) if p and p[0] not in "# \n"]

    assert packages
    assert [p.splitlines()[0] for p in packages if not re.match(r"[\w.\[\],-]+==\S+ ", p)] == []
    assert [p.splitlines()[0] for p in packages if "--hash=sha256:" not in p] == []
    assert not re.search(r"https?://|git\+| @ |--(extra-)?index-url", text)
