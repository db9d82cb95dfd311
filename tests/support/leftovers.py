"""`python -m tests.support.leftovers`: falla, y los enseña, si queda vivo algún proceso de este laboratorio.

Mira solo los de `STACKLAB_HOME`, para no acusar a otros laboratorios de la misma persona.
"""

from __future__ import annotations

import sys

from stack.folder import Folder, home
from stack.processes import projects


def main() -> int:
    """0 si no queda ninguno; 1 si queda alguno."""
    ours = {Folder(path).label for path in home().iterdir()} if home().is_dir() else set()
    left = {name: pids for name, pids in projects().items() if name in ours}
    for name, pids in left.items():
        print(f"Sigue vivo de {name}: {', '.join(map(str, pids))}", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
