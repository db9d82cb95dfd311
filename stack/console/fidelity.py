"""Quién contesta de verdad en cada servicio. Se enseña en todas las páginas y nunca se esconde."""

from __future__ import annotations

import os
from dataclasses import dataclass

from stack.model import Fidelity, Service


@dataclass(frozen=True, slots=True)
class Badge:
    """La etiqueta de un servicio: `colour` es la clase de la hoja de estilo; `note`, una frase que la explica."""

    colour: str
    text: str
    note: str = ""


# Quien contesta no siempre se llama como el servicio: hay que decir por qué vale lo que se ve.
_NOTES = {
    "Valkey": "Es la continuación libre de Redis y habla igual que él.",
    "SeaweedFS": "Es un servidor S3 de verdad, que hace aquí de MinIO.",
}


def badge(service: Service, product: str = "") -> Badge:
    """La etiqueta de `service`. `product` es lo que el propio servidor dice ser, si se le ha podido preguntar.

    `STACKLAB_FIDELITY_<SERVICIO>` dice quién contesta (`docker`, `binary` o `embedded`) y `STACKLAB_PRODUCT_…`,
    qué programa es; sin ellas, lo que da pip.
    """
    default = service.embedded.fidelity if service.embedded is not None else Fidelity.BINARY
    text = os.environ.get(f"STACKLAB_FIDELITY_{service.name}".upper(), default)
    fidelity = Fidelity(text) if text in set(Fidelity) else default
    usual = service.embedded.product if service.embedded and fidelity is default else service.title
    known = product or os.environ.get(f"STACKLAB_PRODUCT_{service.name}".upper()) or usual
    if fidelity is Fidelity.DOCKER:
        return Badge("docker", f"real · {known} en Docker")
    if fidelity is Fidelity.BINARY:
        note = next((text for name, text in _NOTES.items() if known.startswith(name)), "")
        return Badge("binary", f"real · {known}", note)
    return Badge("embedded", f"suplente · {known}")
