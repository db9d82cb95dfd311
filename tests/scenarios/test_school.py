"""La escuela y lo que se siembra: en la base de verdad, con el catálogo entero y sin pisar lo que se cambió."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from scenarios import catalog, seeds
from scenarios.school.models import Course, Credential, Enrolment, Professor, Student
from scenarios.school.passwords import hash_password, verify
from scenarios.school.seed import plant
from stack.vault.seed import Grant, Secret
from tests.support.running import running

SERVICES = {service.name: service for service in catalog.SERVICES}


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    root = tmp_path_factory.mktemp("escuela")
    with running("database", root=root, overrides={"database": SERVICES["database"]}) as names:
        yield names


@pytest.fixture(scope="module")
def engine(env: dict[str, str]) -> Iterator[Engine]:
    made = create_engine(env["DATABASE_URL"])
    yield made
    made.dispose()


def test_up_leaves_the_school_in_place(env: dict[str, str], engine: Engine) -> None:
    with Session(engine) as session:
        counts = [
            session.scalar(select(func.count()).select_from(table))
            for table in (Professor, Student, Course, Enrolment, Credential)
        ]
        assert counts == [3, 8, 4, 12, 11]
        ana = session.scalars(select(Student).where(Student.email == "ana.nunez@escuela.example")).one()
        assert ana.name == "Ana Núñez Prieto"
        assert {one.course.title: one.grade for one in ana.enrolments} == {
            "Álgebra lineal": pytest.approx(9.5),
            "Programación distribuida": None,
        }
        algebra = session.scalars(select(Course).where(Course.code == "ALG-1")).one()
        assert (str(algebra.price), algebra.professor.name) == ("49.90", "Beatriz Vega Solís")
        hashes = session.scalars(select(Credential.password_hash)).all()
        assert len(set(hashes)) == 11, "cada cuenta, su sal"
        assert all(one.startswith("$argon2id$") and verify(one, env["SCHOOL_PASSWORD"]) for one in hashes[:2])


def test_planting_again_keeps_what_someone_changed(env: dict[str, str], engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        luis = session.scalars(select(Student).where(Student.email == "luis.castano@escuela.example")).one()
        luis.name = "Luis Castaño"
        session.delete(session.scalars(select(Student).where(Student.email.startswith("oscar"))).one())
    plant(env["DATABASE_URL"], "otra")
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Student)) == 7
        assert "Luis Castaño" in session.scalars(select(Student.name)).all()
        assert session.scalar(select(func.count()).select_from(Credential)) == 10, (
            "borrar a alguien borra su cuenta"
        )


@pytest.mark.parametrize(
    "broken",
    [
        "INSERT INTO enrolments (student_id, course_id) SELECT student_id, course_id FROM enrolments LIMIT 1",
        "UPDATE enrolments SET grade = 10.5",
        "UPDATE courses SET seats = 0",
        "UPDATE courses SET professor_id = 999",
        "UPDATE students SET email = (SELECT min(email) FROM students)",
        "UPDATE credentials SET role = 'jefa'",
        "UPDATE credentials SET student_id = NULL WHERE role = 'student'",
        "UPDATE credentials SET professor_id = (SELECT min(id) FROM professors) WHERE role = 'student'",
        "DELETE FROM professors",
    ],
)
def test_the_rules_hold_whoever_writes(engine: Engine, broken: str) -> None:
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(broken))


def test_a_new_row_gets_a_new_number(engine: Engine) -> None:
    with Session(engine) as session:
        new = Student(name="Nueva", email="nueva@escuela.example")
        session.add(new)
        session.flush()
        assert new.id == 9


def test_a_password_is_known_only_by_its_hash() -> None:
    stored = hash_password("una frase larga")
    assert verify(stored, "una frase larga")
    assert not verify(stored, "una frase larga ")
    assert not verify(None, "una frase larga")
    assert not verify("", "")
    assert not verify("no es un resumen", "x")


def test_an_unknown_account_takes_as_long_as_a_wrong_password() -> None:
    stored = hash_password("x")

    def fastest(one: str | None) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            verify(one, "y")
            times.append(time.process_time() - began)
        return min(times)

    assert 0.5 < fastest(None) / fastest(stored) < 2


def test_each_flow_brings_its_secrets_and_grants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {
        "scenarios.flujo_x.secrets": {"GRANTS": (Grant("auth", ("jwt",)),)},
        "scenarios.flujo_y.secrets": {
            "SECRETS": (Secret("openai", {"key": "OPENAI_KEY"}),),
            "GRANTS": (Grant("auth", ("database",)), Grant("ia", ("openai",))),
        },
    }
    monkeypatch.setattr(seeds, "import_module", lambda name: type("Modulo", (), modules[name]))
    for name in ("flujo_x", "flujo_y", "flujo_z"):
        (tmp_path / name).mkdir()
    for name in ("flujo_x", "flujo_y"):
        (tmp_path / name / "secrets.py").touch()
    secrets, grants = seeds.gathered(tmp_path.iterdir())
    assert [secret.path for secret in secrets] == ["minio", "jwt", "database", "openai"]
    assert grants == [Grant("auth", ("jwt", "database")), Grant("ia", ("openai",))]
    modules["scenarios.flujo_x.secrets"]["SECRETS"] = (Secret("openai", {"otra": "COSA"}),)
    with pytest.raises(ValueError, match="openai"):
        seeds.gathered(tmp_path.iterdir())


def test_every_credential_that_is_planted_is_one_that_the_laboratory_makes() -> None:
    made = {name.upper() for service in catalog.SERVICES for name in service.credentials}
    flows = Path(catalog.__file__).parent.glob("flujo_*")
    secrets, grants = seeds.gathered(flows)
    assert {name for secret in secrets for name in secret.values.values()} <= made
    assert {f"{grant.microservice}_vault_secret_id".upper().replace("-", "_") for grant in grants} <= made
