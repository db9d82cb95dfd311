"""El puente: por él llegan los contenedores a los procesos de esta máquina."""

_OFFSET, _LAST = 30_000, 65_535


def door(number: int) -> int:
    """Dónde ve un contenedor el puerto `number` de esta máquina: 7101 → 37101 (y, si no cabe, al revés).

    El mismo número no vale: hay programas que no se conforman con que el suyo esté libre en 127.0.0.1.
    """
    return number + _OFFSET if number + _OFFSET <= _LAST else number - _OFFSET
