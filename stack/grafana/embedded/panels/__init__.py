"""De la respuesta de Prometheus a lo que se ve en cada panel."""

from stack.grafana.embedded.panels.view import KINDS, View, Viewer

__all__ = ["KINDS", "View", "Viewer"]
