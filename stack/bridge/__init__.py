"""El puente: por él llegan los contenedores a los procesos de esta máquina."""

from stack.ports import FIRST_EPHEMERAL

_FIRST, _OFFSET = 1024, 13_000


def door(number: int) -> int:
    """Dónde ve un contenedor el puerto `number` de esta máquina: 7101 → 20101 (y, si no cabe, dando la vuelta).

    El mismo número no vale: hay programas que no se conforman con que el suyo esté libre en 127.0.0.1. Y por
    encima de 32767 tampoco: de ahí toma el sistema los puertos de las conexiones que salen, y las que van de esta
    máquina a los contenedores salen justo de la dirección en la que escucha el puente.
    """
    return _FIRST + (number - _FIRST + _OFFSET) % (FIRST_EPHEMERAL - _FIRST)
