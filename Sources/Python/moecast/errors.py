"""What goes wrong, by kind; the text says what, where, and what to do."""

from __future__ import annotations


class Error(Exception):
    """An error of moecast. A call that raises one has changed nothing."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BadArgumentError(Error, ValueError):
    """An argument is missing, of a wrong size, or out of its range."""


class UnknownRequestError(Error, KeyError):
    """The request is not under way: never begun, ended, or forgotten."""


class OutOfOrderError(Error, ValueError):
    """The layer, or the call, is out of order."""


class BadChoiceError(Error, ValueError):
    """The ids are no choice of this router: out of range, twice, or too many."""


class FileError(Error, OSError):
    """A file cannot be opened, read or written."""


class DataError(Error, ValueError):
    """A file is damaged, or not what it should be."""


class MismatchError(Error, ValueError):
    """Model and trace, or model and call, do not fit each other."""


class NoRoomError(Error, MemoryError):
    """There is no room: memory, or a limit of what may be under way."""


class LibraryError(Error, ImportError):
    """``libmoecast.so`` cannot be loaded."""


#: The classes by the library's numbers of them, from 1; others are plain ``Error``.
BY_STATUS = {
    1: BadArgumentError,
    2: UnknownRequestError,
    3: OutOfOrderError,
    4: BadChoiceError,
    5: FileError,
    6: DataError,
    7: MismatchError,
    8: NoRoomError,
}
