"""De las variables y opciones de la imagen oficial de Mailpit a las del suplente, que se queda el proceso."""

import argparse
import os

from stack.mailbox.embedded.__main__ import main


def settings(environment, arguments):
    """Las variables `STACKLAB_*` que dicen lo mismo que `MP_*` o que las opciones; las demás no le hacen falta."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default=environment.get("MP_UI_BIND_ADDR", "[::]:8025"))
    parser.add_argument("--smtp", default=environment.get("MP_SMTP_BIND_ADDR", "[::]:1025"))
    given, _ = parser.parse_known_args(arguments)
    return {
        "STACKLAB_LISTEN_HOST": "0.0.0.0",
        "STACKLAB_PORT_HTTP": given.listen.rpartition(":")[2],
        "STACKLAB_PORT_SMTP": given.smtp.rpartition(":")[2],
        "STACKLAB_ALLOWED_HOSTS": ",".join(["mailbox", environment.get("HOSTNAME", "")]),
    }


if __name__ == "__main__":
    os.environ.update(settings(os.environ, None))
    main()
