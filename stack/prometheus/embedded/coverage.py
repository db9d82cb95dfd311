"""Qué cubre y qué no el suplente de Prometheus."""

from stack.prometheus.embedded.storage import MAX_SAMPLES, MAX_SERIES
from stack.spanish import number
from stack.web import Coverage

COVERAGE = Coverage(
    title="Prometheus",
    imitates="Prometheus 3.16",
    covers=(
        "Leer los objetivos de prometheus.yml (static_configs y consul, file y http_sd_configs) cada "
        "scrape_interval, en texto y en OpenMetrics.",
        "relabel_configs y metric_relabel_configs, con todas sus acciones.",
        "La serie `up` y las demás que Prometheus añade a cada lectura; marca de serie que deja de venir.",
        "rule_files: reglas que guardan su resultado y reglas que avisan, con for y keep_firing_for.",
        "PromQL: selectores, rate e increase, las funciones *_over_time, agregaciones, operaciones entre "
        "vectores, histogram_quantile, subconsultas y funciones de tiempo.",
        "La API: query, query_range, series, labels, label/…/values, targets, metadata, rules, alerts y status/…",
        "Cada consulta se calcula aparte, para no parar lo demás, y con el tiempo contado (un minuto).",
        "POST /-/reload: con una configuración mala sigue la de antes.",
        f"Memoria con tope: una hora, {number(MAX_SERIES)} series o {number(MAX_SAMPLES)} muestras; "
        "se olvida lo más viejo.",
    ),
    lacks=(
        "Guardar en disco: al parar se pierde todo.",
        "Alertmanager: los avisos se ven aquí y no se mandan a nadie.",
        "Otros descubrimientos de servicios, https, autenticación y los demás campos de prometheus.yml: "
        "uno de ellos impide arrancar y se dice cuál es.",
        "En las plantillas de los avisos, algo que no sea {{ $labels.nombre }} o {{ $value }}.",
        "Lo más nuevo de la escritura de PromQL, que nuestra biblioteca de análisis todavía no entiende: `1_000`, "
        "duraciones que se calculan ([1m + 30s], offset step()), anchored y smoothed (contesta 422).",
        "De las expresiones regulares, lo que la biblioteca de Python no tiene: \\pL, (?U), \\Q… (contesta 422).",
        "Los comentarios que acompañan a una respuesta (infos): «¿seguro que esto es un contador?».",
        "Histogramas nativos, exemplars, remote write y las funciones experimentales de PromQL (contesta 422).",
        "La interfaz web de Prometheus: estas páginas son nuestras, con los mismos enlaces (/query, /targets…).",
    ),
)
