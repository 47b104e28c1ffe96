"""Objects go below the job's folder, whatever their keys are."""

from __future__ import annotations

import pytest

from local.sagemaker.objects import MissingObjects, below


@pytest.mark.parametrize(("relative", "place"), [("a/b.csv", "a/b.csv"), ("/etc/x", "etc/x"), ("a..b/..c", "a..b/..c")])
def test_an_object_goes_below_the_folder(tmp_path, relative: str, place: str):
    assert below(tmp_path, relative) == tmp_path / place


@pytest.mark.parametrize("relative", ["../x", "a/../../x", "a/.."])
def test_an_object_that_would_go_elsewhere_is_refused(tmp_path, relative: str):
    with pytest.raises(MissingObjects, match="outside of the job's folder"):
        below(tmp_path, relative)
