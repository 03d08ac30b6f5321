"""The widget of a picture that a model starts from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gradio as gr

from ganzoo.app.stubs import without_stubs

with without_stubs():
    from gradio.utils import is_in_or_equal

    class Photo(gr.Image):
        """Gradio's picture, whose value is the bytes of the file.

        Gradio itself would open the file before our code is asked, and of one that is no picture it says nothing to the
        visitor and writes a traceback. `wishes.picture_of` reads the bytes, and says in a sentence what is wrong.
        """

        is_template = True  # it is Gradio's own in the browser

        def preprocess(self, payload: Any) -> Any:
            """The bytes of the file that was uploaded, which is kept as if new; None without one, or where it has been
            swept by now."""
            if payload is None or not payload.path or not is_in_or_equal(payload.path, self.GRADIO_CACHE):
                return None
            try:
                os.utime(payload.path)
                return Path(payload.path).read_bytes()
            except OSError:
                return None
