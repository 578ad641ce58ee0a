"""Errors that a user can act on.

Each message is one sentence that says what is wrong and what to do; the command line prints it and
ends with :attr:`SerError.exit_code`, and the window shows it.
"""

_LONGEST = 2000
_LINE_ENDS = str.maketrans({"\n": "\\x0a", "\r": "\\x0d"})


def fault_text(what: str, error: Exception) -> str:
    """Sentence, without its full stop, for a part that a fault in the program has ended."""
    reason = f"{type(error).__name__}: {error}"
    return f"The {what} stopped because of a fault in the program ({reason})"


class SerError(Exception):
    """The work failed for a reason that the user can act on."""

    exit_code = 1

    def __str__(self) -> str:
        """Sentence on one line, without the middle where it quotes a file at length."""
        text = super().__str__().translate(_LINE_ENDS)
        if len(text) <= _LONGEST:
            return text
        return f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"


class UsageError(SerError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class DeviceError(SerError):
    """A microphone is missing, refuses, or went away."""


class FormatError(DeviceError):
    """A device came back without the channels that the session hears."""


class AudioFileError(SerError):
    """An audio file is missing, empty, truncated or not audio."""


class BundleError(SerError):
    """A model bundle is incomplete, altered, or of another schema."""


class OutputError(SerError):
    """A result could not be written."""


class FileTakenError(OutputError):
    """A file that was to be written exists already."""


class StoreError(OutputError):
    """The kept sessions cannot be read or written."""


class BusyStoreError(StoreError):
    """Another program holds the store."""


class DamagedStoreError(StoreError):
    """The database of the kept sessions is damaged."""


def reason_text(error: Exception) -> str:
    """Reason of an error of the system, without the error's number and file."""
    return getattr(error, "strerror", None) or str(error)
