"""`python -m scenarios.providers.cobros`: atiende en el puerto `http` hasta SIGTERM."""

from __future__ import annotations

import os

from scenarios.providers.cobros.models import Account
from scenarios.providers.cobros.urls import cobros_app
from stack.web import serve


def main() -> None:
    """Lee del entorno las claves de la cuenta: `API_KEYS` («nombre=clave …»), cuáles están suspendidas al empezar
    (`SUSPENDED`, sus nombres), la que puede llevar una página web (`PUBLISHABLE_KEY`) y la que solo puede mirar el
    libro (`READER_KEY`)."""
    keys = dict(word.partition("=")[::2] for word in os.environ["API_KEYS"].split())
    suspended = os.environ.get("SUSPENDED", "").split()
    account = Account(keys, os.environ["PUBLISHABLE_KEY"], os.environ["READER_KEY"], suspended)
    serve({"http": cobros_app(account)})


if __name__ == "__main__":
    main()
