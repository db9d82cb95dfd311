"""Qué cubre y qué no el suplente de Consul."""

from stack.web import Coverage

UNCOVERED = (
    "acl/",
    "agent/connect/",
    "agent/force-leave/",
    "agent/host",
    "agent/join/",
    "agent/leave",
    "agent/metrics",
    "agent/monitor",
    "agent/reload",
    "agent/token/",
    "agent/version",
    "catalog/connect/",
    "catalog/deregister",
    "catalog/gateway-services/",
    "catalog/node-services/",
    "catalog/register",
    "config",
    "connect/",
    "coordinate/",
    "discovery-chain/",
    "event/",
    "health/connect/",
    "health/ingress/",
    "internal/",
    "operator/",
    "peering",
    "query",
    "snapshot",
    "txn",
)
"""Comienzos de ruta (detrás de `/v1/`) que Consul atiende y el suplente no."""

COVERAGE = Coverage(
    title="Consul",
    imitates="Consul 1.16",
    covers=(
        "Dar de alta y de baja servicios, con etiquetas, metadatos y pesos; modo de mantenimiento.",
        "Comprobaciones por HTTP, TCP y TTL, hechas de verdad: intervalo (un segundo como mínimo), tiempo de "
        "espera, cabeceras, redirecciones, y cuántos fallos seguidos hacen falta.",
        "Dar de baja por su cuenta lo que lleva mucho en crítico (DeregisterCriticalServiceAfter).",
        "Lo que el agente cuenta al catálogo, y cuándo: un cambio, enseguida; un Output nuevo, minutos después; "
        "y un repaso de todo, cada minuto o dos.",
        "Catálogo y salud: servicios, instancias, nodo y comprobaciones; filtros tag, passing y node-meta.",
        "Esperas largas (index y wait) en catálogo, salud, claves y sesiones, con los índices de cada cosa.",
        "Claves: valores de hasta 512 kB, flags, recurse, keys, separator, raw, cas.",
        "Cerrojos: acquire y release, con LockIndex y lock-delay.",
        "Sesiones: TTL y renovación, release o delete al acabar, y atadas a comprobaciones.",
        "Los mensajes de error de Consul, palabra por palabra (menos los nombres de sus tipos de Go).",
    ),
    lacks=(
        "Varios nodos, servidores o centros de datos: hay un agente, su propio servidor y siempre líder.",
        "Guardar en disco: al parar se olvida todo, como Consul en modo de desarrollo.",
        "Permisos (ACL): a cualquiera se le deja hacer todo, como en modo de desarrollo.",
        "Malla de servicios (Connect), pasarelas, intenciones y entradas de configuración.",
        "Transacciones (txn), consultas preparadas, sucesos y copias (snapshot).",
        "catalog/register y catalog/deregister: se da de alta a través del agente.",
        "Comprobaciones por gRPC, HTTP/2, UDP, Docker, alias o TLS. Las de guion, como en Consul, se rechazan.",
        "Expresiones en filter y esperas con hash.",
        "De agent/self, la configuración entera (DebugConfig) y las cifras (Stats). La caché del agente (cached).",
        "DNS (puerto 8600).",
        "La interfaz web de Consul: estas páginas son nuestras, con los mismos enlaces (/ui/dc1/services…).",
    ),
)
