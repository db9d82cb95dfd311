"""De las variables de la imagen oficial de Grafana a las del suplente, que se queda con este proceso."""

import os
import sys
from pathlib import Path

from stack.grafana.embedded.__main__ import main


def settings(environment):
    """Las variables `STACKLAB_*` que dicen lo mismo que `GF_*`."""
    provisioning = environment.get("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning")
    return {
        "STACKLAB_PORT_HTTP": environment.get("GF_SERVER_HTTP_PORT", "3000"),
        "STACKLAB_LISTEN_HOST": environment.get("GF_SERVER_HTTP_ADDR") or "0.0.0.0",
        "STACKLAB_CONFIG_DIR": str(Path(provisioning).parent),
        "STACKLAB_DATA_DIR": environment.get("GF_PATHS_DATA", "/var/lib/grafana"),
        "STACKLAB_ALLOWED_HOSTS": ",".join(["grafana", environment.get("HOSTNAME", "")]),
    }


if __name__ == "__main__":
    os.environ.update(settings(os.environ))
    sys.exit(main())
