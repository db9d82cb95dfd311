"""La secretaría de la escuela: matricula a quien va a entrar en cada ejecución y da de baja a las de ayer."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from scenarios.school.passwords import hash_password

CONNECT_WITHIN_S = 3


def connect(url: str) -> Any:
    """Una conexión con la base de datos de `url` (como la escribe SQLAlchemy); cada orden vale por sí sola."""
    import psycopg

    return psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True, connect_timeout=CONNECT_WITHIN_S)


def enrol(url: str, name: str, email: str, password: str) -> int:
    """Da de alta a `name`, con su cuenta, y devuelve el número que la base de datos le pone a la cuenta.

    Raises:
        psycopg.Error: la base no contesta o no deja.
    """
    with closing(connect(url)) as connection, connection.transaction():
        connection.execute(
            "DELETE FROM students WHERE email LIKE %s AND created_at < now() - interval '1 day'",
            ("eva-________@escuela.example",),
        )
        found = connection.execute(
            "WITH student AS (INSERT INTO students (name, email) VALUES (%s, %s) RETURNING id) "
            "INSERT INTO credentials (email, password_hash, role, student_id) "
            "SELECT %s, %s, 'student', id FROM student RETURNING id",
            (name, email, email, hash_password(password)),
        ).fetchone()
    return int(found[0])
