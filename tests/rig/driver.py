"""Una orden sobre contenedores, en su propio proceso: así se la puede interrumpir o matar en un punto exacto.

python -m tests.rig.driver <carpeta> <orden> <puerto base> <puerto web> [--kill-at PUNTO] [--slow]
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from stack.laboratory import Laboratory
from stack.model import Service
from tests.rig.boxes import SERVER, SILENT, box


def services(base: int, web: int, *, slow: bool = False) -> tuple[Service, ...]:
    """Dos contenedores: `web` depende de `base`."""
    return box("base", number=base), box("web", SILENT if slow else SERVER, number=web, depends_on=("base",))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("verb")
    parser.add_argument("base", type=int)
    parser.add_argument("web", type=int)
    parser.add_argument("--kill-at")
    parser.add_argument("--slow", action="store_true")
    given = parser.parse_args()

    def reached(point: str) -> None:
        print(point, flush=True)
        if point == given.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    options = {"runtime": "docker"} if given.verb == "up" else {}
    lab = Laboratory("matriz", given.root, services(given.base, given.web, slow=given.slow), reached=reached)
    try:
        getattr(lab, given.verb)(**options)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
