"""Qué cubre este suplente y qué no, dicho a una persona."""

from stack.web import Coverage

COVERAGE = Coverage(
    title="Grafana",
    imitates="Grafana 13",
    covers=(
        "Lee los mismos ficheros de aprovisionamiento: fuentes de datos y tableros JSON del esquema clásico.",
        "Paneles de series temporales, número, aguja, barras, tabla, texto y filas plegables.",
        "Variables de consulta, lista, intervalo, constante y texto; $__interval, $__rate_interval y $__range.",
        "Intervalo de tiempo, refresco solo, pausa, un panel a pantalla completa y paneles sueltos (/d-solo).",
        "Unidades, umbrales, textos por valor, excepciones por serie y enlaces a Jaeger.",
        "La API de lectura: /api/health, /api/search, /api/dashboards, /api/datasources y /api/ds/query.",
    ),
    lacks=(
        "Editar y guardar: los tableros se cambian en su fichero JSON.",
        "Usuarios, permisos, organizaciones, alertas, anotaciones y exploración libre.",
        "Otras fuentes de datos: solo pregunta a Prometheus.",
        "Otros tipos de panel (mapas de calor, tartas, trazas, complementos): se dice en el propio panel.",
        "Transformaciones que no sean merge u organize, paneles repetidos y exemplars sobre la gráfica.",
        "Los enlaces de dato de las series temporales (los del panel y los de números y tablas, sí).",
    ),
)
