"""El equipaje y la firma con que se para una ejecución: el acuerdo entre quien pregunta y quien decide."""

from __future__ import annotations

import hashlib
import hmac

RUN, DESK, SIGNATURE = "stacklab.run", "stacklab.desk", "stacklab.sig"
"""Las tres entradas del equipaje: qué ejecución es, dónde se pregunta y la firma de las dos anteriores."""


def sign(secret: str, run_id: str, desk: str) -> str:
    """La firma que autoriza a parar la ejecución `run_id` preguntando en `desk` (`127.0.0.1:puerto`)."""
    return hmac.new(secret.encode(), f"{run_id}|{desk}".encode(), hashlib.sha256).hexdigest()
