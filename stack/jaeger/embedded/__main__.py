"""`python -m stack.jaeger.embedded`: recibe spans en el puerto `otlp` y los enseña en el puerto `ui`."""

from stack.jaeger.embedded.models import Store
from stack.jaeger.embedded.receiver import receiver_app
from stack.jaeger.embedded.urls import query_app
from stack.web import serve


def main() -> None:
    """Sirve hasta SIGTERM."""
    store = Store()
    serve({"ui": query_app(store), "otlp": receiver_app(store)})


if __name__ == "__main__":
    main()
