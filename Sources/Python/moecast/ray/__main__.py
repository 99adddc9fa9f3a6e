"""``python -m moecast.ray`` is ``moecast-ray``."""

from .commands import main

if __name__ == "__main__":
    main()
