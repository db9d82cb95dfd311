"""Qué imita este suplente, qué cubre y qué no."""

from stack.mailbox.embedded.models import MAX_BYTES, MAX_MESSAGES
from stack.mailbox.embedded.smtp import MAX_RECIPIENTS, MAX_SIZE
from stack.web import Coverage

COVERAGE = Coverage(
    title="Buzón",
    imitates="Mailpit 1.31",
    covers=(
        "Recibir correo por SMTP, también con acentos en las direcciones (SMTPUTF8).",
        f"Hasta {MAX_RECIPIENTS} destinatarios y {MAX_SIZE // 2**20} MB por mensaje; lo que pasa de ahí se "
        "rechaza con su código.",
        "Quien recibió copia oculta se enseña en Bcc, como hace Mailpit.",
        "Las partes de cada mensaje: texto, HTML, imágenes incrustadas y adjuntos, con sus resúmenes.",
        "La API /api/v1: messages (listar, marcar y borrar), message/{id}, headers, raw, part, search e info; "
        "«latest» vale como identificador.",
        "Buscar por palabras, from:, to:, cc:, bcc:, reply-to:, addressed:, subject:, message-id:, is:read, "
        "is:unread, has:attachment, before: y after:, y negar con «-».",
        f"Memoria con tope: {MAX_MESSAGES} mensajes o {MAX_BYTES // 2**20} MB; se olvida el más viejo.",
    ),
    lacks=(
        "Guardar en disco: al parar se olvida todo (Mailpit sin --database también lo hace).",
        "Usuarios y contraseñas, TLS, POP3, reenviar mensajes y provocar fallos (chaos).",
        "Etiquetas (X-Tags y tag:), darse de baja (ListUnsubscribe va vacío), larger:, smaller: y has:inline.",
        "Enviar con /api/v1/send, miniaturas, comprobar HTML, enlaces o spam, y avisar en directo por WebSocket.",
        "La interfaz web de Mailpit: estas páginas son nuestras, con el mismo enlace (/view/{id}).",
    ),
)
