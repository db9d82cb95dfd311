"""Rotar la clave de los tokens con gente dentro, sin echar a nadie.

La verdad está en Vault: cada versión que siga viva en `secret/jwt` vale. Kong, sin base de datos, lee su
configuración de `kong.yaml` al arrancar y admite otra entera en `POST /config` de su Admin API; ahí se le da la
de siempre con las versiones que falten. El orden importa: primero Kong aprende la clave nueva y después Auth
empieza a firmar con ella, que es en cuanto está en Vault. Por eso aquí se escribe en Vault lo último.

Si Kong se reinicia vuelve a leer su fichero y solo conoce la primera: `synchronise` se lo recuerda.
https://docs.konghq.com/gateway/latest/production/deployment-topologies/db-less-and-declarative-config/
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scenarios.flujo_b import keys
from scenarios.flujo_b.keys import Key

if TYPE_CHECKING:
    from stack.laboratory import Laboratory

CONSUMER = "login"
TIMEOUT_S = 10.0


def rotate(laboratory: Laboratory) -> int:
    """Hace una clave nueva, se la enseña a Kong y la deja en Vault; devuelve su versión.

    Los tokens firmados con las anteriores siguen valiendo hasta que caduquen.

    Raises:
        RuntimeError: Kong no quiso la configuración. En Vault no ha cambiado nada.
        hvac.exceptions.InvalidRequest: otra rotación se adelantó; se puede repetir.
    """
    with keys.administrator(laboratory.env(["vault"])) as client:
        current = client.secrets.kv.v2.read_secret_metadata(keys.SECRET)["data"]["current_version"]
        new = Key(current + 1, "", secrets.token_urlsafe(48))
        teach(laboratory, [*keys.alive(client), new])
        # Con `cas` solo se escribe si la de ahora sigue siendo la que se leyó: dos rotaciones no se pisan.
        client.secrets.kv.v2.create_or_update_secret(keys.SECRET, {"key": new.value}, cas=current)
    return new.version


def synchronise(laboratory: Laboratory) -> list[str]:
    """Deja a Kong conociendo las versiones vivas en Vault, ni una más; devuelve sus nombres."""
    with keys.administrator(laboratory.env(["vault"])) as client:
        known = keys.alive(client)
    teach(laboratory, known)
    return [key.name for key in known]


def retire(laboratory: Laboratory, version: int) -> list[str]:
    """Borra una versión (se filtró, o ya no queda ningún token suyo): lo firmado con ella deja de valer."""
    with keys.administrator(laboratory.env(["vault"])) as client:
        client.secrets.kv.v2.delete_secret_versions(keys.SECRET, [version])
    return synchronise(laboratory)


def teach(laboratory: Laboratory, known: Iterable[Key]) -> None:
    """Da a Kong su configuración de siempre con las claves `known`, y ninguna otra.

    Raises:
        RuntimeError: Kong no la quiso.
    """
    document = configuration(laboratory)
    consumer = next(one for one in document["consumers"] if one["username"] == CONSUMER)
    consumer["jwt_secrets"] = [{"key": key.name, "algorithm": "HS256", "secret": key.value} for key in known]
    load(laboratory, document)


def load(laboratory: Laboratory, document: Mapping[str, Any]) -> None:
    """Pone en Kong la configuración `document` entera, hasta que se reinicie.

    Raises:
        RuntimeError: Kong no la quiso.
    """
    import urllib3

    # Aunque el nombre diga otra cosa, `config` es un texto; JSON es YAML, y así no hay que cuidar las comillas.
    pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S)
    try:
        response = pool.request(
            "POST",
            f"{laboratory.env(['kong'])['KONG_ADMIN_URL']}/config",
            body=json.dumps({"config": json.dumps(document)}).encode(),
            headers={"Content-Type": "application/json"},
        )
    finally:
        pool.clear()
    if response.status != 201:
        # Sin el cuerpo: Kong repite en él lo que se le mandó, claves incluidas.
        raise RuntimeError(f"Kong contestó {response.status} a la configuración nueva")


def configuration(laboratory: Laboratory) -> dict[str, Any]:
    """El `kong.yaml` con que arrancó Kong, con las direcciones vistas desde donde corre."""
    import yaml

    from stack.addresses import Viewpoint, variables
    from stack.config import rendered

    service = next(one for one in laboratory.services if one.name == "kong")
    runtime = next(row.runtime for row in laboratory.status() if row.name == "kong")
    viewpoint = Viewpoint.NETWORK if runtime == "docker" else Viewpoint.HOST
    names = variables(laboratory.endpoints(), viewpoint) | laboratory.credentials()
    file = next(one for one in service.config if one.target == "kong.yaml")
    document: dict[str, Any] = yaml.safe_load(rendered(file, names))
    return document
