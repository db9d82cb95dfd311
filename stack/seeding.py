"""Sembrar: dejar en un servicio recién arrancado lo que olvidó al pararse, o lo que los flujos dan por puesto.

Qué se siembra lo dice `Service.seed`, el nombre con puntos de una función («modulo.otro:funcion»). Es un dato, así
que el piso de abajo no importa nada del de arriba, y quien no usa el servicio no paga lo que la función importa.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from stack.errors import StartError
from stack.model import Service


def plant(service: Service, names: Mapping[str, str]) -> None:
    """Llama a la función de `service.seed` con `names`: direcciones, credenciales y lo que enseña `stacklab env`.

    Se la llama después de cada arranque y, si una orden murió a medias, quizá dos veces seguidas: tiene que dar
    igual llamarla de más, y nunca pisar lo que alguien cambió después. Sus plazos son cosa suya.

    Raises:
        StartError: la función falló, o no existe. Un servicio sin lo suyo no está listo.
    """
    module, _, function = service.seed.partition(":")
    try:
        getattr(import_module(module), function)(names)
    except Exception as error:
        raise StartError(
            f"{service.title} arrancó, pero no se pudo dejar en él lo que los demás esperan encontrar: "
            f"{type(error).__name__}: {error}",
            f"Lo intentó {service.seed}. Sin eso no se da por listo, y se ha parado.",
            f"stacklab logs {service.name}",
        ) from error
