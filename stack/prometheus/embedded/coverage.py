"""Qué cubre y qué no el suplente de Prometheus."""

from stack.web import Coverage

COVERAGE = Coverage(
    title="Prometheus",
    imitates="Prometheus 3.16",
    covers=(
        "Leer los objetivos de prometheus.yml (static_configs) cada scrape_interval, en texto y en OpenMetrics",
        "La serie `up` y las demás que Prometheus añade a cada lectura; marca de serie que deja de venir",
        "PromQL: selectores, rate e increase, las funciones *_over_time, agregaciones, operaciones entre "
        "vectores, histogram_quantile, subconsultas y funciones de tiempo",
        "La API de consulta: query, query_range, series, labels, label/…/values, targets y metadata",
    ),
    lacks=(
        "Guardar en disco: al parar se pierde todo, y solo recuerda la última hora",
        "Descubrimiento de servicios, relabel_configs y rule_files: un campo así impide arrancar "
        "y lo dice; por eso /alerts está siempre vacía",
        "Histogramas nativos, exemplars, remote write y las funciones experimentales de PromQL (contesta 422)",
        "Alertmanager",
    ),
)
