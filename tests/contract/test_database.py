"""Contrato de la base de datos, con SQLAlchemy 2: transacciones, reglas, quien escribe a la vez, tipos y memoria.

Lo cumple PostgreSQL, de la 13 a la 18. Con `STACKLAB_CONTRACT_DATABASE=postgresql+psycopg://…` corre contra una
base que ya esté en marcha (crea en ella sus tablas, y las borra).
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Engine,
    ForeignKey,
    Numeric,
    create_engine,
    func,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from tests.support.answered import note
from tests.support.running import running


class Base(DeclarativeBase):
    """Las tablas de esta prueba."""


class Account(Base):
    __tablename__ = "contrato_cuentas"
    __table_args__ = (CheckConstraint("balance >= 0", name="saldo_no_negativo"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    balance: Mapped[Decimal] = mapped_column(Numeric(10, 2), default=Decimal(0))
    moves: Mapped[list[Move]] = relationship(back_populates="account", passive_deletes=True)


class Move(Base):
    __tablename__ = "contrato_movimientos"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    account_id: Mapped[int] = mapped_column(ForeignKey("contrato_cuentas.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    day: Mapped[date | None]
    paid: Mapped[bool] = mapped_column(default=False)
    receipt: Mapped[bytes | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    account: Mapped[Account] = relationship(back_populates="moves")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """La dirección de una base que ya se paró una vez con una fila dentro."""
    if external := os.environ.get("STACKLAB_CONTRACT_DATABASE"):
        yield external
        return
    root = tmp_path_factory.mktemp("database")
    with running("database", root=root) as env, connected(env["DATABASE_URL"]) as engine, engine.begin() as first:
        first.execute(text("CREATE TABLE contrato_de_antes AS SELECT 'sigue aquí'::text AS dicho"))
    with running("database", root=root, note=note) as env:
        yield env["DATABASE_URL"]


@contextmanager
def connected(url: str) -> Iterator[Engine]:
    """Un motor de SQLAlchemy que al salir cierra todas sus conexiones."""
    engine = create_engine(url, pool_size=10)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    with connected(url) as made:
        Base.metadata.drop_all(made)
        Base.metadata.create_all(made)
        yield made
        Base.metadata.drop_all(made)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as opened:
        opened.execute(Base.metadata.tables["contrato_cuentas"].delete())
        opened.commit()
        yield opened


def account(session: Session, email: str = "ana@escuela.example", balance: str = "0") -> Account:
    made = Account(email=email, balance=Decimal(balance))
    session.add(made)
    session.commit()
    return made


def count(engine: Engine) -> int:
    with engine.connect() as other:
        return int(other.scalar(select(func.count()).select_from(Account)) or 0)


@pytest.mark.skipif("STACKLAB_CONTRACT_DATABASE" in os.environ, reason="no se puede parar una base que es de otro")
def test_what_was_committed_survives_a_restart(url: str) -> None:
    with connected(url) as engine, engine.begin() as connection:
        assert connection.scalar(text("SELECT dicho FROM contrato_de_antes")) == "sigue aquí"
        connection.execute(text("DROP TABLE contrato_de_antes"))


def test_only_who_has_the_password_gets_in(url: str) -> None:
    for wrong in ("otra", ""):
        stranger = make_url(url).set(password=wrong).render_as_string(hide_password=False)
        with connected(stranger) as engine, pytest.raises(OperationalError):
            engine.connect()


def test_all_or_nothing(session: Session, engine: Engine) -> None:
    def enrol(*emails: str) -> None:
        with session.begin():
            for email in emails:
                session.add(Account(email=email))
                session.flush()

    with pytest.raises(IntegrityError):
        enrol("a@escuela.example", "b@escuela.example", "a@escuela.example")
    assert count(engine) == 0
    enrol("a@escuela.example", "b@escuela.example")
    assert count(engine) == 2


def test_nobody_sees_what_is_not_committed(session: Session, engine: Engine) -> None:
    session.add(Account(email="a@escuela.example"))
    session.flush()
    assert count(engine) == 0
    session.rollback()
    assert count(engine) == 0


def test_a_savepoint_undoes_only_its_part(session: Session) -> None:
    with session.begin():
        session.add(Account(email="a@escuela.example"))
        repeated = insert(Account).values(email="a@escuela.example")
        session.flush()
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(repeated)
        session.add(Account(email="b@escuela.example"))
    assert session.scalars(select(Account.email).order_by(Account.email)).all() == [
        "a@escuela.example",
        "b@escuela.example",
    ]


def test_the_rules_are_the_databases_and_not_the_programs(session: Session) -> None:
    owner = account(session)
    for broken in (
        Account(email="ana@escuela.example"),
        Account(email=None),
        Account(email="c@escuela.example", balance=Decimal(-1)),
        Move(account_id=owner.id + 1000),
    ):
        session.add(broken)
        with pytest.raises(IntegrityError):
            session.commit()
        session.rollback()
    with pytest.raises(DataError):
        session.execute(text("UPDATE contrato_cuentas SET balance = 123456789012.5"))
    session.rollback()
    session.add(Move(account_id=owner.id))
    session.commit()
    session.delete(owner)
    session.commit()
    assert session.scalar(select(func.count()).select_from(Move)) == 0, "borrar la cuenta se lleva lo suyo"


def test_money_is_exact(session: Session) -> None:
    account(session, balance="0.10")
    for _ in range(2):
        session.execute(update(Account).values(balance=Account.balance + Decimal("0.10")))
    session.commit()
    assert session.scalar(select(Account.balance)) == Decimal("0.30")
    assert session.scalar(select(func.sum(Account.balance) * 3)) == Decimal("0.90")


def test_an_instant_is_the_same_in_any_time_zone(session: Session) -> None:
    owner = account(session)
    madrid = timezone(timedelta(hours=2))
    at = datetime(2026, 6, 1, 0, 30, 15, 123456, tzinfo=madrid)
    session.add(Move(account=owner, at=at, day=date(2026, 2, 28)))
    session.commit()
    session.expire_all()
    seen = session.scalars(select(Move)).one()
    assert seen.at == at
    assert seen.at.astimezone(UTC) == datetime(2026, 5, 31, 22, 30, 15, 123456, tzinfo=UTC)
    assert seen.day == date(2026, 2, 28)
    assert session.scalars(select(Move).where(Move.at < at + timedelta(microseconds=1))).one() is seen
    assert session.scalars(select(Move).where(Move.at < at)).all() == []


def test_what_goes_in_comes_out(session: Session) -> None:
    owner = account(session, email="ñandú.日本.🎓@escuela.example")
    details = {"notas": [9.5, None], "año": {"cerrado": True}}
    sent = Move(account=owner, paid=True, receipt=bytes(range(256)), details=details)
    session.add(sent)
    session.commit()
    identifier = sent.id
    session.expire_all()
    seen = session.get_one(Move, identifier)
    assert (seen.paid, seen.receipt, seen.details) == (True, bytes(range(256)), details)
    assert seen.account.email == "ñandú.日本.🎓@escuela.example"
    assert abs(datetime.now(UTC) - seen.at) < timedelta(minutes=1), "la hora la puso la base"


def test_writers_at_once_lose_nothing(session: Session, engine: Engine) -> None:
    account(session)

    def add(_: int) -> None:
        for _ in range(20):
            with engine.begin() as connection:
                connection.execute(update(Account).values(balance=Account.balance + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    session.expire_all()
    assert session.scalar(select(Account.balance)) == 80


def test_reading_to_write_needs_a_lock_and_waits_for_it(session: Session, engine: Engine) -> None:
    account(session, balance="100")

    def withdraw(_: int) -> bool:
        with Session(engine) as other, other.begin():
            found = other.scalars(select(Account).with_for_update()).one()
            if found.balance < 60:
                return False
            found.balance -= 60
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(withdraw, range(4))) == [False, False, False, True]
    session.expire_all()
    assert session.scalar(select(Account.balance)) == 40


def test_only_one_of_many_gets_the_name(session: Session, engine: Engine) -> None:
    gate = threading.Barrier(6)

    def take(_: int) -> bool:
        gate.wait(10)
        try:
            with engine.begin() as connection:
                connection.execute(insert(Account).values(email="libre@escuela.example"))
        except IntegrityError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, range(6))) == 1
    assert count(engine) == 1


def test_writing_again_may_be_nothing_or_a_change(session: Session) -> None:
    first = insert(Account).values(email="a@escuela.example", balance=1).returning(Account.id)
    identifier = session.scalar(first)
    assert session.scalar(first.on_conflict_do_nothing()) is None
    changed = first.on_conflict_do_update(index_elements=["email"], set_={"balance": 7})
    assert session.scalar(changed) == identifier
    session.commit()
    assert session.scalar(select(Account.balance)) == 7


def test_a_dropped_connection_leaves_nothing_halfway(session: Session, engine: Engine, url: str) -> None:
    with connected(url) as doomed:
        connection = doomed.connect()
        connection.execute(insert(Account).values(email="a@escuela.example"))
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with engine.begin() as other:
            assert other.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT 1"))
        connection.invalidate()
        connection.close()
    assert count(engine) == 0
