"""`python -m stack.grafana.embedded`: lee lo aprovisionado y atiende hasta SIGTERM."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stack.grafana.embedded.provisioning import ProvisioningError, load
from stack.grafana.embedded.urls import application
from stack.web import serve


def main() -> int:
    """0 al parar; 3 si lo aprovisionado no se puede usar, con la causa en la salida de errores."""
    try:
        library = load(Path(os.environ["STACKLAB_CONFIG_DIR"]))
    except ProvisioningError as error:
        print(f"Grafana no arranca: {error}.", file=sys.stderr)
        return 3
    serve({"http": application(library)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
