"""El buzón: recibe por SMTP todo el correo que envían los microservicios, y no lo reparte a nadie.

La imagen oficial es Mailpit (https://mailpit.axllent.org). El suplente recibe SMTP de verdad y contesta la parte
de la API de Mailpit que usan los flujos.
"""

from stack.model import Binary, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

# Sin preguntar a nadie de fuera si hay una versión nueva, ni quién es cada dirección que se conecta.
_QUIET = ("--disable-version-check", "--smtp-disable-rdns", "--quiet")

MAILBOX = Service(
    name="mailbox",
    title="Buzón",
    summary="Recibe los correos que envían los microservicios y los enseña; ninguno sale de esta máquina.",
    ports=(Port("http", 8025), Port("smtp", 1025, scheme="smtp")),
    probe=HttpProbe("http", "/readyz"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.mailbox.embedded"),
        product="suplente de stacklab",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=27,
    ),
    binaries=(
        Binary(
            program="mailpit",
            product="Mailpit",
            argv=(
                "${PROGRAM}",
                "--listen=${LISTEN_HOST}:${LISTEN_HTTP_PORT}",
                "--smtp=${LISTEN_HOST}:${LISTEN_SMTP_PORT}",
                *_QUIET,
            ),
            # Mientras corre guarda los correos en un fichero temporal: con los demás suyos, por si acaba de golpe.
            env={"TMPDIR": "${DATA_DIR}"},
            memory_mb=21,
            # Delante de su versión dice dónde está, y en una ruta también puede haber números.
            version_argv=("version", "--no-release-check"),
            version_pattern=r"(?<= v)\d+(?:\.\d+)+",
            at_least=(1, 27),
        ),
    ),
    container=Container(
        image="mailbox",
        argv=_QUIET,
        # Con variables y no con opciones: así lo sabe también la comprobación de salud que trae la imagen.
        env={
            "MP_UI_BIND_ADDR": "${LISTEN_HOST}:${LISTEN_HTTP_PORT}",
            "MP_SMTP_BIND_ADDR": "${LISTEN_HOST}:${LISTEN_SMTP_PORT}",
        },
        memory_mb=128,
    ),
    exports={"MAILBOX_URL": "${MAILBOX_HTTP_URL}", "SMTP_URL": "${MAILBOX_SMTP_URL}"},
    links=(Link("Correos recibidos", "${MAILBOX_HTTP_BROWSER_URL}/"),),
)
