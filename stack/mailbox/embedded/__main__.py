"""`python -m stack.mailbox.embedded`: recibe correo en el puerto `smtp` y lo enseña en el puerto `http`."""

from stack.mailbox.embedded.models import Mailbox
from stack.mailbox.embedded.smtp import receiving
from stack.mailbox.embedded.urls import mailbox_app
from stack.web import listen_port, serve


def main() -> None:
    """Sirve hasta SIGTERM."""
    mailbox = Mailbox()
    serve({"http": mailbox_app(mailbox, receiving(mailbox, listen_port("smtp")))})


if __name__ == "__main__":
    main()
