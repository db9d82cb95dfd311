"""El puente: por él llegan los contenedores a los procesos de esta máquina."""

BRIDGE_OFFSET = 30_000
"""Cuánto más arriba está cada puerto en la puerta que da a los contenedores (7101 → 37101).

El mismo número no vale: hay programas que no se conforman con que el suyo esté libre en 127.0.0.1.
"""
