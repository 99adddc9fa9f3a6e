"""``python -m moecast`` is the program."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Becomes the program: its signals, streams and exit code are the program's own."""
    packaged = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "moecast")
    program = os.environ.get("MOECAST_PROGRAM") or packaged
    try:
        os.execv(program, ["moecast", *sys.argv[1:]])
    except OSError as error:
        sys.exit(
            f"moecast: {program}: {error.strerror}; install the wheel (make wheel), or name the "
            "program with MOECAST_PROGRAM"
        )


if __name__ == "__main__":
    main()
