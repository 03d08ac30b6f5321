"""Every variant that is shipped keeps what every variant keeps."""

from __future__ import annotations

from ganzoo import zoo
from ganzoo.testing import conformance

FIRST_PARTY = {plugin.name for plugin in zoo.zoo().plugins if plugin.first_party}

test_conformance = conformance(*(row["name"] for row in zoo.variants() if row["plugin"] in FIRST_PARTY))
