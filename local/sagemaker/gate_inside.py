"""Runs first in every Python of a container (as `sitecustomize`): what the image does not install cannot be imported.

Containers share this machine's environment, which has more than the image: without this, a job that needs one of
these packages would pass here and fail on AWS. `absent.txt` beside this file names their modules.
"""

import os
import sys
from importlib.machinery import PathFinder


class Gate:
    """Stands before all other finders; says no to a module of an absent package, never to a job's own of that name."""

    def __init__(self, absent, why):
        self.absent, self.why = absent, why

    def find_spec(self, name, path=None, target=None):
        if path is None and name in self.absent:
            found = PathFinder.find_spec(name)
            places = [found.origin or "", *(found.submodule_search_locations or [])] if found else []
            if any("site-packages" in place for place in places):
                raise ModuleNotFoundError(f"No module named {name!r}: {self.why}", name=name)


def close(folder):
    with open(os.path.join(folder, "absent.txt")) as file:
        why, *absent = file.read().splitlines()
    sys.meta_path.insert(0, Gate(frozenset(absent), why))


if __name__ == "sitecustomize":
    close(os.path.dirname(__file__))
