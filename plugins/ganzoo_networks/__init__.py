"""Networks that many variants share."""

from __future__ import annotations

import ganzoo


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    zoo.network(
        "dcgan", generator="ganzoo_networks.dcgan:Generator", discriminator="ganzoo_networks.dcgan:Discriminator"
    )
