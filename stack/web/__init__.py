"""Lo que comparten todas nuestras páginas: hoja de estilo, plantilla base, seguridad y página de cobertura."""

from stack.web.app import Coverage, create_app, page
from stack.web.serve import listen_port, serve

__all__ = ["Coverage", "create_app", "listen_port", "page", "serve"]
