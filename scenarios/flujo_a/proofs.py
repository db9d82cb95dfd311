"""Las pruebas del flujo A, una por flecha: cada una lee de un servicio un hecho que es de esta ejecución."""

from __future__ import annotations

import hashlib
import io
import time

from scenarios.engine import evidence as read
from scenarios.engine.answer import Answer
from scenarios.engine.context import CLIENT_SERVICE, Run
from scenarios.engine.evidence import ObjectFact, RecordFact
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.flow import SpanMatch
from scenarios.engine.trace import Span
from scenarios.flujo_a import spans
from scenarios.flujo_a.client import BUCKET, GROUP, PATH, SIZES, TOPIC, TRIAL_KEY, token, uploaded

TTL_S = 3600
_STILL_S = 2.0


def a1(run: Run) -> Evidence:
    """Kong recibió esta petición y la dejó pasar; y no deja pasar ninguna de las tres malas."""
    answer = run.answer()
    if answer.status == 401:
        raise NotProven("Kong rechazó la petición.", final=True)
    seen = run.until(lambda: _kong_span(run), "Jaeger")
    url = run.env["KONG_PROXY_URL"] + PATH
    bad = {
        "sin token": {},
        "con un token caducado": {"Authorization": f"Bearer {token(run, lifetime_s=-60)}"},
        "con una firma falsa": {"Authorization": f"Bearer {token(run, secret='otro secreto' * 4)}"},
    }
    for how, headers in bad.items():
        refused = run.until(
            lambda headers=headers: read.ask(run, "POST", url, headers=headers | read.untraced(run)), "Kong"
        )  # type: ignore[misc]
        if refused.status != 401:
            raise NotProven(f"Kong contestó {refused.status} a una llamada {how}; se esperaba 401.", final=True)
    return Evidence(
        "Kong",
        "su span es de esta petición · sin token, caducado y falso: 401",
        {"traza": run.trace_id, "span de Kong": seen.span_id, "respuesta a los tres tokens malos": 401},
    )


def _kong_span(run: Run) -> Span:
    for span in run.trace().find(SpanMatch("kong")):
        if span.parent_id == run.span_id:
            return span
    raise NotProven("En Jaeger no está el span de Kong para esta petición.")


def a2(run: Run) -> Evidence:
    """El contador de llamadas de Kong baja justo en uno entre dos llamadas seguidas."""
    answer = run.answer()
    if answer.status == 0:  # la respuesta no llegó: se comparan dos llamadas nuevas
        answer = _one_more_call(run)
    before, limit = _remaining(answer), answer.headers.get("ratelimit-limit", "")
    for _ in range(5):
        after = _remaining(_one_more_call(run))
        if after == before - 1:
            return Evidence(
                "Kong",
                f"token válido · quedaban {before} llamadas y ahora {after}, de {limit}",
                {"RateLimit-Limit": limit, "quedaban": before, "quedan": after},
            )
        before = after  # empezó otra ventana, o alguien más llamó: se vuelve a mirar
    raise NotProven(f"RateLimit-Remaining no baja de uno en uno: se quedó en {before} de {limit}.", final=True)


def _one_more_call(run: Run) -> Answer:
    """Una llamada más, con buen token y sin foto: pasa por Kong y no llega a guardar nada."""
    headers = {"Authorization": f"Bearer {token(run)}", **read.untraced(run)}
    return run.until(lambda: read.ask(run, "POST", run.env["KONG_PROXY_URL"] + PATH, headers=headers), "Kong")


def _remaining(answer: Answer) -> int:
    if "ratelimit-remaining" not in answer.headers:
        raise NotProven("La respuesta de Kong no trae RateLimit-Remaining: no está contando llamadas.", final=True)
    return int(answer.headers["ratelimit-remaining"])


def provoke_limit(run: Run, at_most: int = 20) -> Evidence:
    """A petición de la persona: llama, con una aplicación de pruebas, hasta que Kong dice basta (429)."""
    headers = {"Authorization": f"Bearer {token(run, issuer=TRIAL_KEY)}", **read.untraced(run)}
    for number in range(1, at_most + 1):
        answer = read.ask(run, "POST", run.env["KONG_PROXY_URL"] + PATH, headers=headers)
        if answer.status == 429:
            wait = answer.headers.get("retry-after", "")
            return Evidence("Kong", f"429 en la llamada {number}", {"llamadas": number, "Retry-After": wait})
    raise NotProven(f"Kong dejó pasar {at_most} llamadas seguidas.", final=True)


def a3(run: Run) -> Evidence:
    """La petición llegó a Uploads de manos de Kong."""
    above, below = run.until(
        lambda: read.edge(run, "kong", spans.UPLOAD_REQUEST, "la petición en Uploads"), "Jaeger"
    )
    return Evidence(
        "Jaeger",
        f"{above.service} → {below.service} · {below.name}",
        {"padre (Kong)": above.span_id, "hijo (Uploads)": below.span_id, "traza": run.trace_id},
    )


def a4(run: Run) -> Evidence:
    """El objeto guardado es, byte por byte, la foto que se mandó."""
    stored = run.until(lambda: original(run), "MinIO")
    upload = uploaded(run)
    if stored.sha256 != upload.sha256:
        raise NotProven(
            f"MinIO guarda {stored.bucket}/{stored.key} con otro contenido: {_bytes(stored.content)}, "
            f"sha256 {stored.sha256[:8]}…, y se mandaron {_bytes(upload.content)}, sha256 {upload.sha256[:8]}….",
            final=True,
        )
    if not stored.content_type.startswith("image/"):
        raise NotProven(f"MinIO guarda la foto con el tipo «{stored.content_type}».", final=True)
    return Evidence(
        "MinIO",
        f"{stored.bucket}/{stored.key} · {_bytes(stored.content)} · sha256 {stored.sha256[:8]}… = lo enviado",
        {
            "objeto": f"{stored.bucket}/{stored.key}",
            "bytes": len(stored.content),
            "sha256 guardado": stored.sha256,
            "sha256 enviado": upload.sha256,
            "tipo": stored.content_type,
            "ETag": stored.etag,
        },
    )


def original(run: Run) -> ObjectFact:
    """La foto original de esta ejecución: el único objeto del usuario que no es una miniatura."""
    prefix = f"{uploaded(run).user}/"
    found = run.clients.minio.list_objects(bucket_name=BUCKET, prefix=prefix, recursive=True)
    keys = [str(item.object_name) for item in found]
    originals = [key for key in keys if not any(key.endswith(f"-{size}.webp") for size in SIZES)]
    if not originals:
        raise NotProven(f"En MinIO no hay ninguna foto en {BUCKET}/{prefix}")
    if len(originals) > 1:
        raise NotProven(f"En {BUCKET}/{prefix} hay {len(originals)} fotos y se esperaba una.", final=True)
    return read.stored_object(run, BUCKET, originals[0])


def a5(run: Run) -> Evidence:
    """Lo que MinIO contestó a Uploads es lo que MinIO guarda."""
    stored = run.until(lambda: original(run), "MinIO")
    put = run.until(lambda: read.span(run, spans.PUT_ORIGINAL, "la subida a MinIO con su respuesta"), "Jaeger")
    confirmed = _header(put, "etag")
    if confirmed != stored.etag:
        raise NotProven(f"MinIO contestó el ETag {confirmed} y lo que guarda tiene {stored.etag}.", final=True)
    return Evidence(
        "MinIO",
        f"contestó {put.status} y ETag {confirmed[:8]}… = el del objeto guardado",
        {
            "estado": put.status,
            "ETag contestado (span)": confirmed,
            "ETag guardado (MinIO)": stored.etag,
            "versión": stored.version or "el bucket no guarda versiones",
            "span": put.span_id,
        },
    )


def _header(span: Span, name: str) -> str:
    """Una cabecera de la respuesta apuntada en el span (OpenTelemetry las guarda como lista)."""
    return str(span.attributes.get(f"http.response.header.{name}", "")).strip("[]\"'\\ ")


def a6(run: Run) -> Evidence:
    """El mensaje está en su partición, con la clave del usuario, el suceso y la traza de esta ejecución."""
    record = run.until(lambda: published(run), "Kafka")
    upload, event = uploaded(run), record.json() or {}
    expected = {"event": TOPIC, "user": upload.user, "sha256": upload.sha256, "bytes": len(upload.content)}
    for field, value in expected.items():
        if event.get(field) != value:
            raise NotProven(f"El mensaje dice {field} = {event.get(field)!r}; se esperaba {value!r}.", final=True)
    if record.key != upload.user:
        raise NotProven(f"El mensaje tiene la clave «{record.key}»; se esperaba «{upload.user}».", final=True)
    if run.id not in record.headers.get("baggage", ""):
        raise NotProven("El equipaje del mensaje no dice que sea de esta ejecución.", final=True)
    return Evidence(
        "Kafka",
        f"{record.topic}, partición {record.partition}, posición {record.offset} · clave {record.key}",
        {
            "topic": record.topic,
            "partición": record.partition,
            "posición": record.offset,
            "clave": record.key,
            "suceso": str(event.get("event")),
            "foto": f"{event.get('bucket')}/{event.get('key')}",
            "traceparent": record.headers["traceparent"],
            "ejecución": run.id,
        },
    )


def published(run: Run) -> RecordFact:
    """El mensaje de esta ejecución. Se publica antes de contestar: si ya hay respuesta y no está, no estará."""
    answered = run.answered
    try:
        return read.record_of_run(run, TOPIC)
    except NotProven as error:
        if answered is not None and answered.ok:
            raise NotProven(error.reason, final=True) from error
        raise


def a7(run: Run) -> Evidence:
    """La dirección está en la caché, caduca, y lleva a la foto."""
    upload = uploaded(run)
    fact = run.until(lambda: read.cached(run, f"avatar:{upload.user}", ttl_s=TTL_S), "Redis")
    content = run.until(lambda: _download(run, fact.value), "Kong")
    if hashlib.sha256(content).hexdigest() != upload.sha256:
        raise NotProven(f"La dirección de «{fact.key}» devuelve {_bytes(content)} que no son la foto.", final=True)
    return Evidence(
        "Redis",
        f"{fact.key} · caduca en {fact.ttl_s} s · la dirección devuelve la foto",
        {"clave": fact.key, "valor": fact.value, "TTL en segundos": fact.ttl_s, "bytes descargados": len(content)},
    )


def _download(run: Run, url: str) -> bytes:
    if not url.startswith("http"):
        raise NotProven(f"«{url}» no es una dirección.", final=True)
    answer = read.ask(run, "GET", url, headers=read.untraced(run))
    if not answer.ok:
        raise NotProven(f"{url} contestó {answer}.")
    return answer.body


def a8(run: Run) -> Evidence:
    """Uploads contestó 200 a Kong."""
    above, below = run.until(
        lambda: read.edge(run, "kong", spans.UPLOAD_REQUEST, "la petición en Uploads"), "Jaeger"
    )
    if below.status != 200:
        raise NotProven(f"Uploads contestó {below.status} a Kong; se esperaba 200.", final=True)
    return Evidence(
        "Jaeger",
        f"{below.service} contestó {below.status} a {above.service} en {_ms(below.duration_us)} ms",
        {"estado": below.status, "span": below.span_id, "padre (Kong)": above.span_id},
    )


def a9(run: Run) -> Evidence:
    """El cliente recibió un 200 con una dirección, y esa dirección devuelve la foto."""
    answer, upload = run.answer(), uploaded(run)
    if not answer.ok:
        raise NotProven(f"El cliente no recibió un 200: {answer}.", final=True)
    url = str((answer.json() or {}).get("url", ""))
    content = run.until(lambda: _download(run, url), "Kong")
    if hashlib.sha256(content).hexdigest() != upload.sha256:
        raise NotProven(f"{url} devuelve {_bytes(content)} que no son los enviados.", final=True)
    return Evidence(
        "Kong",
        f"{answer.status} · {url} devuelve la misma foto",
        {"estado": answer.status, "url": url, "sha256 descargado": upload.sha256, **_latencies(answer.headers)},
    )


def _latencies(headers: dict[str, str] | object) -> dict[str, str]:
    names = {"x-kong-upstream-latency": "tardó Uploads (ms)", "x-kong-proxy-latency": "añadió Kong (ms)"}
    return {text: headers[name] for name, text in names.items() if isinstance(headers, dict) and name in headers}


def a10(run: Run) -> Evidence:
    """El grupo confirmó una posición posterior al mensaje, y quien lo atendió enlaza con quien lo publicó."""
    record = run.until(lambda: read.record_of_run(run, TOPIC), "Kafka")
    committed = run.until(lambda: _committed_past(run, record), "Kafka")
    consumer = run.until(lambda: read.span(run, spans.PROCESS, "el consumo del mensaje en Thumbnails"), "Jaeger")
    producer = run.until(lambda: read.span(run, spans.SEND, "la publicación en Uploads"), "Jaeger")
    if producer.span_id not in consumer.links and consumer.parent_id != producer.span_id:
        raise NotProven("El span de quien consume no está enlazado con el de quien publicó.", final=True)
    return Evidence(
        "Kafka",
        f"el grupo {GROUP} va por la {committed}, pasado el mensaje {record.offset} · spans enlazados",
        {
            "grupo": GROUP,
            "partición": record.partition,
            "posición del mensaje": record.offset,
            "posición confirmada": committed,
            "span que publica": producer.span_id,
            "span que consume": consumer.span_id,
        },
    )


def _committed_past(run: Run, record: RecordFact) -> int:
    committed = read.committed_offset(run, GROUP, TOPIC, record.partition)
    if committed <= record.offset:
        raise NotProven(
            f"El grupo {GROUP} no ha confirmado el mensaje {record.offset} de la partición {record.partition}."
        )
    return committed


def a11(run: Run) -> Evidence:
    """Thumbnails descargó ese mismo objeto."""
    key = str((run.until(lambda: read.record_of_run(run, TOPIC), "Kafka").json() or {}).get("key"))
    got = run.until(lambda: _get_span(run, key), "Jaeger")
    return Evidence(
        "Jaeger",
        f"{got.service} descargó {BUCKET}/{key} · {got.status} en {_ms(got.duration_us)} ms",
        {"objeto": f"{BUCKET}/{key}", "estado": got.status, "span": got.span_id},
    )


def _get_span(run: Run, key: str) -> Span:
    trace = run.trace()
    for span in trace.find(spans.GET_ORIGINAL):
        if str(span.attributes.get("url.full", "")).endswith(key) and span.status == 200:
            return span
    # El span de quien consume acaba el último: si ya está y la descarga no, es que no la hubo.
    ended = next(trace.find(spans.PROCESS), None) is not None
    raise NotProven(f"En Jaeger no está la descarga de {BUCKET}/{key} en Thumbnails.", final=ended)


def a12(run: Run) -> Evidence:
    """Las tres miniaturas están en MinIO, se abren y miden lo que deben."""
    made = {size: run.until(lambda size=size: thumbnail(run, size), "MinIO") for size in SIZES}  # type: ignore[misc]
    sides = _expected_sides(run)
    weights = []
    for size, stored in made.items():
        kind, (width, height) = _measure(stored)
        side = sides[size]
        if (kind, width, height) != ("WEBP", side, side):
            raise NotProven(
                f"{stored.key} es {kind} de {width}×{height}; se esperaba WEBP de {side}×{side}.", final=True
            )
        weights.append(f"{width}×{height}: {_bytes(stored.content)}")
    return Evidence(
        "MinIO",
        " · ".join(f"{sides[size]}×{sides[size]}" for size in SIZES) + " en WebP, junto a la original",
        {"miniaturas": weights, "objetos": [f"{BUCKET}/{stored.key}" for stored in made.values()]},
    )


def thumbnail(run: Run, size: int) -> ObjectFact:
    """La miniatura de `size` de la foto de esta ejecución."""
    key = original(run).key
    return read.stored_object(run, BUCKET, f"{key.rpartition('.')[0]}-{size}.webp")


def _expected_sides(run: Run) -> dict[int, int]:
    """Lo que debe medir cada una: nunca más que el lado corto de la foto enviada."""
    from PIL import Image

    with Image.open(io.BytesIO(uploaded(run).content)) as picture:
        return {size: min(size, *picture.size) for size in SIZES}


def _measure(stored: ObjectFact) -> tuple[str, tuple[int, int]]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(stored.content)) as picture:
            picture.load()
            return str(picture.format), picture.size
    except Exception as error:
        raise NotProven(f"{stored.key} no se puede abrir como foto.", final=True) from error


def a13(run: Run) -> Evidence:
    """Las tres direcciones están en la caché, caducan, y cada una devuelve su miniatura."""
    user = uploaded(run).user
    values, left = [], []
    for size in SIZES:
        fact = run.until(lambda size=size: read.cached(run, f"avatar:{user}:{size}", ttl_s=TTL_S), "Redis")  # type: ignore[misc]
        stored = run.until(lambda size=size: thumbnail(run, size), "MinIO")  # type: ignore[misc]
        content = run.until(lambda fact=fact: _download(run, fact.value), "Kong")  # type: ignore[misc]
        if content != stored.content:
            raise NotProven(f"La dirección de «{fact.key}» no devuelve la miniatura de {size}.", final=True)
        values.append(f"{fact.key} = {fact.value}")
        left.append(fact.ttl_s)
    return Evidence(
        "Redis",
        f"avatar:{user}:64, :128 y :256 · caducan en {min(left)} s · devuelven las miniaturas",
        {"claves": values, "TTL en segundos": [str(seconds) for seconds in left]},
    )


def a14(run: Run) -> Evidence:
    """Prometheus leyó a Uploads después de la subida, y vio una más."""
    before = uploaded(run).uploads_before
    query = 'avatar_uploads_total{job="uploads",result="ok"}'
    return _scraped(run, "uploads", {query: before})


def a15(run: Run) -> Evidence:
    """Prometheus leyó a Thumbnails después, y vio una miniatura más de cada tamaño."""
    before = uploaded(run).thumbnails_before or dict.fromkeys(SIZES)
    return _scraped(
        run, "thumbnails", {f'thumbnails_total{{job="thumbnails",size="{size}"}}': before[size] for size in SIZES}
    )


def _scraped(run: Run, job: str, counters: dict[str, float | None]) -> Evidence:
    if None in counters.values():
        raise NotProven(f"Antes de empezar no se pudieron leer los contadores de {job}.", final=True)
    alive = run.until(lambda: _alive(run, job), "Prometheus")
    details: dict[str, str] = {
        "up": str(int(alive.value)),
        "última lectura": f"{alive.at - run.started_at:.2f} s después de empezar",
    }
    for query, before in counters.items():
        after = run.until(lambda query=query, before=before: _one_more(run, query, before), "Prometheus")  # type: ignore[misc]
        details[query] = f"{before:.0f} → {after:.0f}"
    last = details[query]
    return Evidence("Prometheus", f"up = 1 · {query.partition('{')[0]} {last}", details)


def _alive(run: Run, job: str) -> read.SampleFact:
    fact = read.sample_since(run, f'up{{job="{job}"}}')
    if fact.value != 1:
        insisted = fact.at - run.started_at > _STILL_S
        raise NotProven(f"Prometheus no consigue leer a {job}: up vale {fact.value:.0f}.", final=insisted)
    return fact


def _one_more(run: Run, query: str, before: float | None) -> float:
    fact = read.sample_since(run, query)
    assert before is not None
    if fact.value != before + 1:
        raise NotProven(f"{query} vale {fact.value:.0f}; antes valía {before:.0f} y se esperaba {before + 1:.0f}.")
    return fact.value


def a16(run: Run) -> Evidence:
    """La traza está entera: todos los que debían hablar, una sola raíz y nadie sin su padre."""
    watch = _Stillness()
    everything = run.until(lambda: _whole(run, watch), "Jaeger")
    services = sorted({span.service for span in everything})
    return Evidence(
        "Jaeger",
        f"{len(everything)} spans de {len(services)} programas, todos con su padre",
        {"traza": run.trace_id, "spans": len(everything), "programas": services, "raíz": CLIENT_SERVICE},
    )


class _Stillness:
    """Cuánto hace que la traza no crece."""

    def __init__(self) -> None:
        self._size, self._since = -1, time.monotonic()

    def lasts(self, size: int) -> bool:
        """Si la traza, que ahora tiene `size` spans, lleva ya un rato igual."""
        if size != self._size:
            self._size, self._since = size, time.monotonic()
        return time.monotonic() - self._since > _STILL_S


def _whole(run: Run, watch: _Stillness) -> list[Span]:
    everything = run.trace().spans
    ended = next(run.trace().find(spans.PROCESS), None) is not None
    try:
        whole = read.whole_trace(run, run.flow.traced)
        read.span(run, spans.PROCESS, "el consumo del mensaje")
        read.span(run, spans.UPLOAD_REQUEST, "la petición en Uploads")
    except NotProven as error:
        # Con todo acabado y sin que llegue nada nuevo, lo que falta ya no va a llegar.
        raise NotProven(error.reason, final=watch.lasts(len(everything)) and ended) from error
    return whole


def panel_ready(run: Run) -> str:
    """El panel de Grafana pregunta por las subidas y Prometheus ya cuenta la de esta ejecución."""
    title = read.panel_with_data(run, "flujo-a", "avatar_uploads_total")
    _one_more(run, 'avatar_uploads_total{job="uploads",result="ok"}', uploaded(run).uploads_before)
    return title


def _bytes(content: bytes) -> str:
    return f"{len(content):,} bytes".replace(",", "\u202f")


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1000:.1f}".replace(".", ",")
