"""De las variables de la imagen oficial de Kong a las del suplente, que se queda con este proceso."""

import os
import signal
from pathlib import Path

from stack.kong.embedded.__main__ import main

DEFAULTS = {"PROXY": "0.0.0.0:8000", "ADMIN": "127.0.0.1:8001", "STATUS": "127.0.0.1:8007"}


def settings(environment):
    """Las variables `STACKLAB_*` que dicen lo mismo que `KONG_*`."""
    config = Path(environment.get("KONG_DECLARATIVE_CONFIG", "/opt/kong/kong.yaml"))
    listen = {name: environment.get(f"KONG_{name}_LISTEN", default) for name, default in DEFAULTS.items()}
    # Se admite una dirección por puerta («0.0.0.0:8000 reuseport»): la primera.
    first = {name: value.split(",")[0].split()[0].rpartition(":") for name, value in listen.items()}
    return {f"STACKLAB_PORT_{name}": port for name, (_, _, port) in first.items()} | {
        "STACKLAB_LISTEN_HOST": first["PROXY"][0],
        "STACKLAB_CONFIG_DIR": str(config.parent),
        "STACKLAB_ALLOWED_HOSTS": ",".join(["kong", environment.get("HOSTNAME", "")]),
    }


if __name__ == "__main__":
    os.environ.update(settings(os.environ))
    # La imagen oficial se para con SIGQUIT; el suplente, con SIGTERM.
    signal.signal(signal.SIGQUIT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    main()
