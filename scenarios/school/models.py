"""Las tablas de la escuela, con SQLAlchemy 2: https://docs.sqlalchemy.org/en/20/orm/declarative_tables.html

Las reglas que no pueden romperse (dos matrículas iguales, una nota de 11, una cuenta de nadie) las guarda la base
de datos. Un microservicio puede olvidarse de comprobarlas, o hacerlo a la vez que otro; la base, no.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Numeric, String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """De aquí cuelgan las tablas de la escuela."""


class Professor(Base):
    """Quien da clase."""

    __tablename__ = "professors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    courses: Mapped[list[Course]] = relationship(back_populates="professor")


class Student(Base):
    """Quien estudia."""

    __tablename__ = "students"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    enrolments: Mapped[list[Enrolment]] = relationship(back_populates="student", passive_deletes=True)


class Course(Base):
    """Una asignatura. `price` es lo que cuesta la matrícula, en euros: decimal exacto, nunca coma flotante."""

    __tablename__ = "courses"
    __table_args__ = (
        CheckConstraint("seats > 0", name="courses_seats_positive"),
        CheckConstraint("price >= 0", name="courses_price_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    price: Mapped[Decimal] = mapped_column(Numeric(8, 2))
    seats: Mapped[int]
    professor_id: Mapped[int] = mapped_column(ForeignKey("professors.id"))
    professor: Mapped[Professor] = relationship(back_populates="courses")
    enrolments: Mapped[list[Enrolment]] = relationship(back_populates="course")


class Enrolment(Base):
    """Una matrícula: nadie tiene dos de la misma asignatura. `grade` va de 0 a 10, o falta."""

    __tablename__ = "enrolments"
    __table_args__ = (CheckConstraint("grade BETWEEN 0 AND 10", name="enrolments_grade_0_10"),)

    student_id: Mapped[int] = mapped_column(ForeignKey("students.id", ondelete="CASCADE"), primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"), primary_key=True)
    enrolled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    grade: Mapped[Decimal | None] = mapped_column(Numeric(3, 1))
    student: Mapped[Student] = relationship(back_populates="enrolments")
    course: Mapped[Course] = relationship(back_populates="enrolments")


class Credential(Base):
    """Con qué entra alguien: su correo y el resumen argon2 de su contraseña (`scenarios.school.passwords`).

    Es de una estudiante o de un profesor, y de uno solo.
    """

    __tablename__ = "credentials"
    __table_args__ = (
        CheckConstraint("role IN ('student', 'professor')", name="credentials_role"),
        CheckConstraint(
            "(role = 'student') = (student_id IS NOT NULL) AND (role = 'professor') = (professor_id IS NOT NULL)",
            name="credentials_one_owner",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(12))
    student_id: Mapped[int | None] = mapped_column(ForeignKey("students.id", ondelete="CASCADE"), unique=True)
    professor_id: Mapped[int | None] = mapped_column(ForeignKey("professors.id", ondelete="CASCADE"), unique=True)
    student: Mapped[Student | None] = relationship()
    professor: Mapped[Professor | None] = relationship()
