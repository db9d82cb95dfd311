"""`python -m stack.console`: las páginas de Kafka, Redis y MinIO, hasta SIGTERM."""

from stack.console.app import console
from stack.web import serve

if __name__ == "__main__":
    serve({"http": console()})
