"""`python -m tools.localstack up | down`."""

from __future__ import annotations

import sys

from tools.localstack import FOLDER, PORT, Unavailable, answers, start, stop


def main(arguments: list[str]) -> int:
    pid = FOLDER / "pid"
    if arguments == ["up"]:
        if answers(f"localhost:{PORT}"):
            print(f"LocalStack answers on localhost:{PORT} already")
            return 0
        try:
            process = start(PORT)
        except Unavailable as missing:
            print(missing, file=sys.stderr)
            return 1
        pid.write_text(str(process.pid))
        print(f"LocalStack answers on localhost:{PORT}; it ends with make localstack-down")
        return 0
    if arguments == ["down"]:
        if pid.is_file():
            stop(int(pid.read_text()))
            pid.unlink()
        return 0
    print("say up or down", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
