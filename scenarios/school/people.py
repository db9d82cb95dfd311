"""Quién hay en la escuela al empezar. Personas, correos y asignaturas son inventados."""

from __future__ import annotations

from decimal import Decimal

PROFESSORS: tuple[tuple[str, str], ...] = (
    ("Beatriz Vega Solís", "beatriz.vega@escuela.example"),
    ("Ramón Ibáñez Cuesta", "ramon.ibanez@escuela.example"),
    ("Nuria Peña Ortega", "nuria.pena@escuela.example"),
)
"""Nombre y correo."""

STUDENTS: tuple[tuple[str, str], ...] = (
    ("Ana Núñez Prieto", "ana.nunez@escuela.example"),
    ("Luis Castaño Rey", "luis.castano@escuela.example"),
    ("Marta Güell Sanz", "marta.guell@escuela.example"),
    ("Íñigo Arrieta Mora", "inigo.arrieta@escuela.example"),
    ("Carmen Ávila Duarte", "carmen.avila@escuela.example"),
    ("Joaquín Muñoz León", "joaquin.munoz@escuela.example"),
    ("Sofía Cárdenas Gil", "sofia.cardenas@escuela.example"),
    ("Óscar Yáñez Bravo", "oscar.yanez@escuela.example"),
)
"""Nombre y correo."""

COURSES: tuple[tuple[str, str, Decimal, int, str], ...] = (
    ("ALG-1", "Álgebra lineal", Decimal("49.90"), 30, "beatriz.vega@escuela.example"),
    ("CAL-1", "Cálculo", Decimal("49.90"), 30, "beatriz.vega@escuela.example"),
    ("PRO-2", "Programación distribuida", Decimal("75.00"), 20, "ramon.ibanez@escuela.example"),
    ("HIS-3", "Historia de la ciencia", Decimal("35.50"), 40, "nuria.pena@escuela.example"),
)
"""Código, título, precio en euros, plazas y correo de quien la da."""

ENROLMENTS: tuple[tuple[str, str, Decimal | None], ...] = (
    ("ana.nunez@escuela.example", "ALG-1", Decimal("9.5")),
    ("ana.nunez@escuela.example", "PRO-2", None),
    ("luis.castano@escuela.example", "ALG-1", Decimal("6.0")),
    ("luis.castano@escuela.example", "CAL-1", Decimal("4.5")),
    ("marta.guell@escuela.example", "CAL-1", Decimal("8.0")),
    ("marta.guell@escuela.example", "HIS-3", None),
    ("inigo.arrieta@escuela.example", "PRO-2", Decimal("7.5")),
    ("carmen.avila@escuela.example", "ALG-1", Decimal("10.0")),
    ("carmen.avila@escuela.example", "HIS-3", Decimal("9.0")),
    ("joaquin.munoz@escuela.example", "CAL-1", None),
    ("sofia.cardenas@escuela.example", "PRO-2", Decimal("8.5")),
    ("oscar.yanez@escuela.example", "HIS-3", Decimal("5.0")),
)
"""Correo, código de la asignatura y nota."""
