"""Qué imita este suplente, qué cubre y qué no."""

from stack.jaeger.embedded.models import MAX_BYTES
from stack.web import Coverage

COVERAGE = Coverage(
    title="Jaeger",
    imitates="Jaeger 2.13",
    covers=(
        "Recibir spans por OTLP/HTTP (puerto 4318, POST /v1/traces): protobuf y JSON, con gzip o deflate.",
        "Éxito parcial: lo que no se puede guardar se cuenta y se explica; lo demás se guarda.",
        "La API de consulta: /api/services, /api/operations, /api/traces, /api/traces/{id} y /api/dependencies.",
        "/api/v3/services, /api/v3/operations, /api/v3/traces y /api/v3/traces/{id}, en OTLP JSON.",
        "Los avisos de un span: acaba antes de empezar, falta su padre, su reloj no cuadra con el de su padre.",
        "Buscar por servicio, operación, atributos, duración y hora.",
        "La página de una traza: línea de tiempo, atributos, sucesos, proceso y enlaces entre spans.",
        f"Memoria con tope: las trazas que diga jaeger.yaml (max_traces) o {MAX_BYTES // 2**20} MB; "
        "se olvida la más vieja.",
        "Un span repetido sigue siendo uno.",
    ),
    lacks=(
        "OTLP por gRPC (puerto 4317).",
        "Los formatos de Zipkin y de Jaeger antiguo, ni sus parejas de spans con el mismo identificador.",
        "Compresión zstd, snappy o lz4.",
        "Guardar en disco: al parar se olvida todo (Jaeger sin base de datos también lo hace).",
        "Muestreo remoto, métricas de servicios (pestaña Monitor), archivo y comparación de trazas.",
        "Un fallo de Jaeger 2.13 en memoria: allí error=true encuentra lo que acabó en OK; aquí, los errores.",
        "El parámetro raw (y raw_traces): la traza sale siempre con sus avisos y sus atributos en orden.",
        "En una búsqueda, Jaeger 2.13 repite algunos avisos: hace la cuenta dos veces. Aquí salen una.",
        "La interfaz web de Jaeger: estas páginas son nuestras, con los mismos enlaces (/search y /trace/{id}).",
    ),
)
