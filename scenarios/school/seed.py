"""Deja la escuela en la base de datos cuando arranca, si no está ya."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TIMEOUT_S = 10


def plant(url: str, password: str) -> None:
    """Crea las tablas y las llena, todo o nada. Si ya están, no toca nada: lo que haya cambiado alguien se queda.

    Args:
        url: dónde está, como la quiere SQLAlchemy (`postgresql+psycopg://…`).
        password: la contraseña con que entran al principio todas las cuentas; cada una guarda su propio resumen.

    Raises:
        psycopg.Error, sqlalchemy.exc.SQLAlchemyError: la base no contesta o no deja.
    """
    if _is_there(url):
        return
    # Aquí y no arriba: importarlo tarda, y la escuela casi siempre está ya.
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from scenarios.school.models import Base

    # Sin los parámetros en los errores: entre ellos van los resúmenes.
    engine = create_engine(url, hide_parameters=True, connect_args={"connect_timeout": TIMEOUT_S})
    try:
        with engine.begin() as connection:
            Base.metadata.create_all(connection)
            with Session(connection) as session:
                _fill(session, password)
                session.flush()
    finally:
        engine.dispose()


def _is_there(url: str) -> bool:
    import psycopg

    address = url.replace("+psycopg", "", 1)
    with psycopg.connect(address, connect_timeout=TIMEOUT_S) as connection:
        found = connection.execute("SELECT to_regclass('credentials')").fetchone()
        return found is not None and found[0] is not None


def _fill(session: Session, password: str) -> None:
    from scenarios.school.models import Course, Credential, Enrolment, Professor, Student
    from scenarios.school.passwords import hash_password
    from scenarios.school.people import COURSES, ENROLMENTS, PROFESSORS, STUDENTS

    professors = {email: Professor(name=name, email=email) for name, email in PROFESSORS}
    students = {email: Student(name=name, email=email) for name, email in STUDENTS}
    courses = {
        code: Course(code=code, title=title, price=price, seats=seats, professor=professors[email])
        for code, title, price, seats, email in COURSES
    }
    session.add_all([*professors.values(), *students.values(), *courses.values()])
    session.add_all(
        Enrolment(student=students[email], course=courses[code], grade=grade) for email, code, grade in ENROLMENTS
    )
    emails = [*professors, *students]
    # Cada resumen ocupa un procesador 20 ms y no le hace falta el de los demás.
    with ThreadPoolExecutor() as pool:
        hashes = dict(zip(emails, pool.map(lambda _: hash_password(password), emails), strict=True))
    session.add_all(
        Credential(email=email, password_hash=hashes[email], role="professor", professor=professors[email])
        for email in professors
    )
    session.add_all(
        Credential(email=email, password_hash=hashes[email], role="student", student=students[email])
        for email in students
    )
