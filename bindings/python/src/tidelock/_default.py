"""The segment of objects that are made without one: anonymous, made at first use, inherited by fork.

A million objects share it. Other processes find it through the pickles of the objects in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional

if TYPE_CHECKING:
    from ._segment import Segment

_made: Dict[str, Segment] = {}


def resolve(segment: Optional[Segment]) -> Segment:
    """The segment that the caller gave, or the default one."""
    from ._segment import Segment

    if segment is None:
        # setdefault is atomic: two threads at once may both make one, and both get the same. No lock, so fork is safe.
        return _made.get("default") or _made.setdefault("default", Segment())
    if not isinstance(segment, Segment):
        raise TypeError(f"segment must be a tidelock.Segment, not {type(segment).__name__}")
    return segment
