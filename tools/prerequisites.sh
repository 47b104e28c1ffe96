#!/bin/sh
# Finds or brings Python 3.11, Java 17 and Terraform, and prints the Python to use. Any Python from 3.9 on can begin.
for candidate in python3.11 python3 python3.13 python3.12 python3.10 python3.9; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
        exec "$candidate" "${0%/*}/machine.py"
    fi
done
echo "missing: Python (3.9 or later)" >&2
echo "    apt-get install python3 python3-venv, brew install python, or pyenv install 3.11" >&2
exit 1
