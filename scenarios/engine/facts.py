"""Una prueba y su contrario: el hecho leído de un servicio, o la frase que dice por qué no se pudo leer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Detail = str | int | float | bool | None | list[str]
"""Lo que puede valer un detalle: algo que JSON sabe escribir."""

Details = Mapping[str, Detail]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Un hecho leído del propio servicio, atado a esta ejecución.

    `source` es quién lo dijo, con el nombre que lee una persona («MinIO», «Kafka»…). `summary` es una línea
    corta. `details` es la prueba entera: nombres en español, valores que se pueden escribir en JSON.
    """

    source: str
    summary: str
    details: Details = field(default_factory=dict)


class NotProven(Exception):
    """La prueba no se cumple (todavía). El mensaje es una frase completa: qué se esperaba y qué se vio.

    `final` es cierto cuando esperar no cambiaría nada: el objeto está y sus bytes son otros.
    """

    def __init__(self, reason: str, *, final: bool = False, details: Details | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.details: Details = details or {}


class Interrupted(NotProven):
    """Se dejó de esperar porque la persona quiso parar."""

    def __init__(self) -> None:
        super().__init__("Se paró antes de poder comprobarlo.", final=True)
