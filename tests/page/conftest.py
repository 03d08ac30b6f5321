"""One server and one browser for every test of the page.

Without a browser the tests are skipped where they import `browser`, so nothing here imports it at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from app_model import tiny

if TYPE_CHECKING:
    from browser import Seen
    from serving import Running


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    from serving import start

    folder = tmp_path_factory.mktemp("server")
    kinds = ("plain", "conditional", "points", "picture", "styled", "coded")
    models = [tiny(folder / (kind if kind == "styled" else f"{kind}.onnx"), kind) for kind in kinds]
    running = start(models, folder)
    yield running
    running.process.kill()
    running.process.wait(10)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    from browser import launched

    with launched() as found:
        yield found


@pytest.fixture(scope="package")
def window(browser: Any) -> Iterator[Any]:
    """One for all tests: what it has loaded once it keeps."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture(scope="package")
def opened(server: Running, window: Any) -> Iterator[Seen]:
    from browser import Seen

    found = Seen(window.new_page(), server.address)
    yield found
    found.page.close()


@pytest.fixture
def seen(server: Running, opened: Seen) -> Iterator[Seen]:
    """The page anew; afterwards nothing was wrong and nobody else was asked."""
    opened.of("")
    yield opened
    assert opened.wrong == []
    assert opened.hosts <= {urlsplit(server.address).netloc, ""}  # data: and blob: have no host
