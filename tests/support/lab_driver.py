"""Una orden de mentira, en su propio proceso: así se la puede interrumpir o matar en un punto exacto.

    python -m tests.support.lab_driver <carpeta> <orden> <puerto base> <puerto web> [opciones]

`--kill-at PUNTO` la mata con SIGKILL al pasar por ese punto de `Laboratory`; `--slow` hace que `web` no conteste
nunca; `--stubborn`, que `base` no haga caso de SIGTERM. Escribe los puntos por donde pasa, uno por línea.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from stack.events import Event, Notice
from stack.laboratory import Laboratory
from stack.model import Service
from tests.support.fakes import SERVE, SILENT, STUBBORN, fake


def services(base: int, web: int, *, slow: bool = False, stubborn: bool = False) -> tuple[Service, ...]:
    """Dos servicios: `web` depende de `base`."""
    return (
        fake("base", STUBBORN if stubborn else SERVE, number=base, grace_s=30.0 if stubborn else 2.0),
        fake("web", SILENT if slow else SERVE, number=web, depends_on=("base",), ready_s=30),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("verb")
    parser.add_argument("base", type=int)
    parser.add_argument("web", type=int)
    parser.add_argument("--kill-at")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--stubborn", action="store_true")
    given = parser.parse_args()

    def reached(point: str) -> None:
        print(point, flush=True)
        if point == given.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    catalog = services(given.base, given.web, slow=given.slow, stubborn=given.stubborn)
    lab = Laboratory("prueba", given.root, catalog, reached=reached)

    def tell(event: Event) -> None:
        if isinstance(event, Notice):
            print(event.text, flush=True)

    try:
        getattr(lab, given.verb)(on_event=tell)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
