"""Markers and intervals of a session, changed by hand: written as it happens, undone at will."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QUndoCommand, QUndoStack

from realtime_ser.base.errors import SerError
from realtime_ser.base.records import Marker, Segment
from realtime_ser.session.corrections import SegmentKey, corrections
from realtime_ser.session.store import Interval, Store
from realtime_ser.session.store.values import CORRECTED
from realtime_ser.timeline.content import (
    Annotation,
    AnnotationItem,
    end_of,
    start_of,
)

DEFAULT_TIER = "emotion"
"""Tier of an interval, unless its maker names another."""


class Annotations(QObject):
    """Markers and intervals of a session, which a person changes.

    Parameters
    ----------
    store, session_id
        Where each change is written at once.
    segments
        The segments of the session.

    Attributes
    ----------
    stack
        What can be undone and done again.
    """

    changed = pyqtSignal()
    failed = pyqtSignal(str)

    def __init__(
        self,
        store: Store,
        session_id: str,
        segments: Sequence[Segment],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.stack = QUndoStack(self)
        self._store = store
        self._session = session_id
        self._segments = segments
        self._numbers = count(1)
        self._items: dict[int, Annotation] = {}
        self._keys: dict[int, int] = {}
        self._sorted: list[AnnotationItem] | None = None
        self._corrections: dict[SegmentKey, Interval] | None = None
        self.reload()

    def reload(self) -> None:
        """Read everything anew; what was done before cannot be undone any more."""
        self.stack.clear()
        self._items.clear()
        self._keys.clear()
        for key, marker in self._store.keyed_markers(self._session).items():
            self._register(marker, key)
        for interval in self._store.intervals(self._session):
            assert interval.key is not None
            self._register(interval, interval.key)
        self._notify()

    def __iter__(self) -> Iterator[AnnotationItem]:
        """All of them, in order of time."""
        if self._sorted is None:
            items = (AnnotationItem(number, value) for number, value in self._items.items())
            self._sorted = sorted(
                items, key=lambda item: (start_of(item.value), end_of(item.value))
            )
        return iter(self._sorted)

    def __len__(self) -> int:
        return len(self._items)

    def get(self, number: int | None) -> AnnotationItem | None:
        """The one of a number, if it is there."""
        value = None if number is None else self._items.get(number)
        return None if number is None or value is None else AnnotationItem(number, value)

    def add(self, value: Annotation) -> int | None:
        """Add one, and return its number; ``None``: it could not be stored."""
        number = next(self._numbers)
        return number if self._push(f"add {_kind_name(value)}", number, None, value) else None

    def change(self, number: int, value: Annotation) -> bool:
        """Put something else in the place of one; whether that is stored."""
        before = self._items[number]
        return value == before or self._push(f"change {_kind_name(value)}", number, before, value)

    def remove(self, number: int) -> bool:
        """Delete one; whether it is gone from the store."""
        before = self._items[number]
        return self._push(f"delete {_kind_name(before)}", number, before, None)

    def correction(self, segment: Segment) -> AnnotationItem | None:
        """The label by hand of a segment."""
        found = self._found_corrections().get((segment.channel, segment.number))
        return None if found is None else self.get(found.key)

    def corrected_labels(self) -> dict[SegmentKey, str]:
        """Label by hand of each segment that has one."""
        found = self._found_corrections()
        return {key: interval.label for key, interval in found.items() if interval.label}

    def _found_corrections(self) -> dict[SegmentKey, Interval]:
        if self._corrections is None:
            by_hand = [
                replace(value, key=number)
                for number, value in self._items.items()
                if isinstance(value, Interval) and value.tier == CORRECTED
            ]
            self._corrections = corrections(self._segments, by_hand) if by_hand else {}
        return self._corrections

    def correct(self, segment: Segment, label: str | None) -> bool:
        """Label a segment by hand; ``None`` withdraws that. Whether that is stored."""
        found = self.correction(segment)
        if label is None:
            return found is None or self.remove(found.number)
        if found is None:
            span = (segment.start_s, segment.end_s)
            return self.add(Interval(CORRECTED, *span, label, channel=segment.channel)) is not None
        assert isinstance(found.value, Interval)
        return self.change(found.number, replace(found.value, label=label))

    def tiers(self) -> list[str]:
        """Names of the tiers that there are, in order, and the usual one."""
        found = {value.tier for value in self._items.values() if isinstance(value, Interval)}
        return sorted(found | {DEFAULT_TIER})

    def set_state(self, number: int, value: Annotation | None) -> bool:
        """Bring one to a state, in the store first; whether that went well."""
        try:
            self._write(number, value)
        except SerError as error:
            self.failed.emit(str(error))
            return False
        if value is None:
            del self._items[number]
        else:
            self._items[number] = value
        self._notify()
        return True

    def _notify(self) -> None:
        self._corrections = self._sorted = None
        self.changed.emit()

    def _write(self, number: int, value: Annotation | None) -> None:
        before = self._items.get(number)
        if before is None:
            if isinstance(value, Marker):
                self._keys[number] = self._store.add_marker(self._session, value)
            elif value is not None:
                (stored,) = self._store.annotate(self._session, intervals=[value])
                assert stored.key is not None
                self._keys[number] = stored.key
            return
        key = self._keys[number]
        if isinstance(before, Marker):
            if isinstance(value, Marker):
                self._store.change_marker(key, value)
            else:
                self._store.delete_marker(key)
        elif isinstance(value, Interval):
            self._store.change_interval(replace(value, key=key))
        else:
            self._store.delete_interval(replace(before, key=key))

    def _push(
        self, text: str, number: int, before: Annotation | None, after: Annotation | None
    ) -> bool:
        self.stack.push(_ChangeCommand(self, text, number, before, after))
        return self._items.get(number) == after

    def _register(self, value: Annotation, key: int) -> None:
        number = next(self._numbers)
        self._items[number] = value
        self._keys[number] = key


class _ChangeCommand(QUndoCommand):
    """One marker or interval from one state to another."""

    def __init__(
        self,
        annotations: Annotations,
        text: str,
        number: int,
        before: Annotation | None,
        after: Annotation | None,
    ) -> None:
        super().__init__(text)
        self._annotations = annotations
        self._number = number
        self._before, self._after = before, after

    def redo(self) -> None:
        """Do it, again."""
        self._apply(self._after)

    def undo(self) -> None:
        """Take it back."""
        self._apply(self._before)

    def _apply(self, value: Annotation | None) -> None:
        # What could not be written is not on the stack: there is nothing to take back.
        if not self._annotations.set_state(self._number, value):
            self.setObsolete(True)


def _kind_name(value: Annotation) -> str:
    if isinstance(value, Marker):
        return "marker"
    return "correction" if value.tier == CORRECTED else "interval"
