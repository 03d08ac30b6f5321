"""TensorBoard, as an observer of a run like any other: `tensorboard --logdir runs`.

The events are written by TensorBoard's own writer; neither torch nor TensorFlow is asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.hooks import hookimpl


@hookimpl
def ganzoo_observe(run: Any) -> TensorBoard:
    """Write every run's numbers and pictures into its folder `tensorboard`."""
    return TensorBoard(run)


class TensorBoard:
    """Scalars and pictures of one run as event files in `<run>/tensorboard`."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.folder = run.folder.tensorboard
        self.writer: Any = None

    def started(self) -> None:
        """Open a new event file; after a resume it declares what older ones say of later steps void."""
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        resumed = any(self.folder.glob("events.*"))
        self.writer = EventFileWriter(str(self.folder))
        if resumed:
            rows = self.run.metrics
            self._add(rows[-1]["step"] + 1 if rows else 1, session_log=SessionLog(status=SessionLog.START))

    def measured(self, step: int, metrics: Mapping[str, Any]) -> None:
        """The numbers of a row; what is not a number is left out."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in metrics.items()
            if name != "step" and isinstance(value, int | float)
        ]
        self._add(step, summary=Summary(value=values))

    def pictured(self, step: int, path: str | Path) -> None:
        """The PNG as it is."""
        from PIL import Image
        from tensorboard.compat.proto.summary_pb2 import Summary

        with Image.open(path) as image:
            width, height = image.size
            channels = len(image.getbands())
        picture = Summary.Image(
            width=width, height=height, colorspace=channels, encoded_image_string=Path(path).read_bytes()
        )
        self._add(step, summary=Summary(value=[Summary.Value(tag="samples", image=picture)]))

    def saved(self, step: int, path: str | Path) -> None:
        """What is on disk is then also in the event file."""
        self.writer.flush()

    def ended(self, status: str) -> None:
        """Close the event file."""
        self.writer.close()

    def _add(self, step: int, **what: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self.writer.add_event(Event(step=step, wall_time=time.time(), **what))
