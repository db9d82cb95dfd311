"""n8n: los flujos de trabajo que se dibujan en lugar de programarse."""

from stack.model import Binary, Container, HttpProbe, Link, Port, Service

# Lo mismo vale para el programa y para la imagen: https://docs.n8n.io/hosting/configuration/environment-variables/
_SETTINGS = {
    "N8N_LISTEN_ADDRESS": "${LISTEN_HOST}",
    "N8N_PORT": "${LISTEN_HTTP_PORT}",
    # Las direcciones que enseña (y que da a otros para que le llamen) son las de esta máquina.
    "N8N_HOST": "127.0.0.1",
    "N8N_PROTOCOL": "http",
    "N8N_EDITOR_BASE_URL": "${N8N_HTTP_BROWSER_URL}/",
    "WEBHOOK_URL": "${N8N_HTTP_BROWSER_URL}/",
    # Sin HTTPS, el navegador no devolvería una cookie marcada como segura y nadie podría entrar.
    "N8N_SECURE_COOKIE": "false",
    # Con ella cifra las credenciales que se le confían; sin decírsela se inventaría una.
    "N8N_ENCRYPTION_KEY": "${N8N_ENCRYPTION_KEY}",
    "DB_TYPE": "sqlite",
    "GENERIC_TIMEZONE": "UTC",
    "N8N_METRICS": "true",
    "N8N_PYTHON_ENABLED": "false",
    # Nada sale de esta máquina: ni estadísticas, ni novedades, ni plantillas, ni anuncios.
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED": "false",
    "N8N_DYNAMIC_BANNERS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_HIRING_BANNER_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "EXTERNAL_FRONTEND_HOOKS_URLS": "",
    # Un error contado al que llama no lleva rutas de esta máquina.
    "NODE_ENV": "production",
}

N8N = Service(
    name="n8n",
    title="n8n",
    summary="Une servicios con un flujo que se dibuja: cuando pase esto, haz aquello.",
    ports=(Port("http", 5678),),
    probe=HttpProbe("http", "/healthz/readiness"),
    binaries=(
        Binary(
            program="n8n",
            product="n8n",
            argv=("${PROGRAM}", "start"),
            env={
                **_SETTINGS,
                "HOME": "${DATA_DIR}",
                "N8N_USER_FOLDER": "${DATA_DIR}",
                # Por aquí habla con el proceso hijo que ejecuta el código JavaScript de los nodos.
                "N8N_RUNNERS_BROKER_PORT": "${FREE_BROKER}",
                "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": "${LISTEN_HOST}",
            },
            at_least=(2, 0),
            memory_mb=590,
            ready_timeout_s=90.0,
        ),
    ),
    container=Container(
        image="n8n",
        env=_SETTINGS,
        volume="/home/node/.n8n",
        memory_mb=1024,
        ready_timeout_s=120.0,
    ),
    credentials=("n8n_encryption_key",),
    exports={"N8N_URL": "${N8N_HTTP_URL}"},
    links=(Link("Flujos de trabajo y ejecuciones", "${N8N_HTTP_BROWSER_URL}/"),),
)
