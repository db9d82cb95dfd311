"""Cuánta memoria usa cada contenedor."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient


def memory_mb(client: APIClient, containers: Mapping[str, str]) -> dict[str, float]:
    """Los megabytes de cada uno (nombre → identificador), preguntando por todos a la vez.

    Se quita la caché de ficheros, como hace `docker stats`: la devuelve en cuanto alguien la necesita
    (https://docs.docker.com/reference/cli/docker/container/stats/).
    """
    result: dict[str, float] = {}

    def ask(name: str, identity: str) -> None:
        from docker.errors import APIError

        try:
            memory = client.stats(identity, stream=False, one_shot=True)["memory_stats"]
        except APIError:
            return
        if "usage" in memory:
            details = memory.get("stats", {})
            cache = details.get("inactive_file", details.get("total_inactive_file", 0))
            result[name] = round((memory["usage"] - cache) / 1_000_000, 1)

    threads = [threading.Thread(target=ask, args=one, daemon=True) for one in containers.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return result
