"""El vocabulario de las pruebas: hechos que se leen de cada servicio con su cliente de siempre.

Todas las funciones leen una sola vez y lanzan `NotProven` si el hecho no está; quien espera es `Run.until`.
Ninguna mira lo que dice el código que se está probando: solo lo que guarda o contesta el servicio.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scenarios.engine.answer import Answer
from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.flow import SpanMatch
from scenarios.engine.trace import Span


def ask(
    run: Run, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """Una llamada HTTP cualquiera. Que no se trace (`traceparent` sin marca) es cosa de quien llama."""
    response = run.clients.http.request(method, url, headers=dict(headers or {}), body=body)
    return Answer(response.status, {key.lower(): value for key, value in response.headers.items()}, response.data)


def untraced(run: Run) -> dict[str, str]:
    """Cabecera para las llamadas de comprobación: pide que no se tracen, para no ensuciar las trazas."""
    return {"traceparent": f"00-{run.trace_id}-{run.span_id}-00"}


# --- MinIO ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObjectFact:
    """Un objeto leído entero: sus bytes, su resumen, su tipo, su ETag y su versión (si el bucket las guarda)."""

    bucket: str
    key: str
    content: bytes
    content_type: str
    etag: str
    version: str

    @property
    def sha256(self) -> str:
        """El resumen de los bytes leídos, en hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def stored_object(run: Run, bucket: str, key: str) -> ObjectFact:
    """El objeto `bucket/key`, leído de MinIO."""
    from minio.error import S3Error

    try:
        status = run.clients.minio.stat_object(bucket_name=bucket, object_name=key)
        response = run.clients.minio.get_object(bucket_name=bucket, object_name=key)
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchBucket", "NoSuchObject"):
            raise NotProven(f"En MinIO no está el objeto {bucket}/{key}.") from error
        raise
    try:
        content = response.read()
    finally:
        response.close()
        response.release_conn()
    return ObjectFact(
        bucket, key, content, status.content_type or "", (status.etag or "").strip('"'), status.version_id or ""
    )


# --- Kafka ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordFact:
    """Un mensaje leído de su partición y su posición."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]
    timestamp_ms: int

    def json(self) -> Any:
        """El valor como JSON, o `None`."""
        try:
            return json.loads(self.value)
        except ValueError:
            return None


def record_of_run(run: Run, topic: str, *, since_s: float = 5.0, final: bool = False) -> RecordFact:
    """El mensaje de `topic` cuyo `traceparent` es el de esta ejecución.

    Se busca en todas las particiones desde el principio de la ejecución: no se cree a nadie dónde está. Con
    `final`, si se han leído todas y no está, no se espera más.
    """
    records = _records(run, topic, since_s)
    for record in records:
        if run.trace_id in record.headers.get("traceparent", ""):
            return record
    raise NotProven(
        f"En Kafka, ninguno de los {len(records)} mensajes recientes de «{topic}» es de esta ejecución.",
        final=final,
    )


def _records(run: Run, topic: str, since_s: float) -> list[RecordFact]:
    from confluent_kafka import TopicPartition

    consumer = run.clients.consumer("stacklab-mirador")
    try:
        metadata = consumer.list_topics(topic, timeout=2)
        partitions = sorted(metadata.topics[topic].partitions)
        since = [TopicPartition(topic, number, int((run.started_at - since_s) * 1000)) for number in partitions]
        ends = {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), 2)[1] for number in partitions
        }
        pending = {}
        for start in consumer.offsets_for_times(since, timeout=2):
            if 0 <= start.offset < ends[start.partition]:
                pending[start.partition] = start.offset
        if not pending:
            return []
        consumer.assign([TopicPartition(topic, number, offset) for number, offset in pending.items()])
        found: list[RecordFact] = []
        while pending:
            message = consumer.poll(2)
            if message is None:
                raise NotProven(f"Kafka no dio a tiempo todos los mensajes de «{topic}».")
            if message.error() is not None:
                continue
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            headers = {name: _text(value) for name, value in dict(message.headers() or []).items()}
            found.append(
                RecordFact(
                    topic,
                    partition,
                    offset,
                    _text(message.key()),
                    _text(message.value()).encode(),
                    headers,
                    int(message.timestamp()[1]),
                )
            )
            if offset + 1 >= ends[partition]:
                pending.pop(partition, None)
        return found
    finally:
        consumer.close()


def _text(value: str | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def committed_offset(run: Run, group: str, topic: str, partition: int) -> int:
    """Hasta dónde ha confirmado `group` esa partición: la posición del siguiente mensaje que leería."""
    from confluent_kafka import TopicPartition

    consumer = run.clients.consumer(group)
    try:
        (committed,) = consumer.committed([TopicPartition(topic, partition)], timeout=2)
    finally:
        consumer.close()
    return int(committed.offset)


def pending_messages(run: Run, group: str, topic: str) -> int:
    """Cuántos mensajes de `topic` no ha confirmado `group` todavía, entre todas las particiones."""
    from confluent_kafka import TopicPartition

    consumer = run.clients.consumer(group)
    try:
        partitions = [
            TopicPartition(topic, number) for number in consumer.list_topics(topic, 2).topics[topic].partitions
        ]
        pending = 0
        for committed in consumer.committed(partitions, timeout=2):
            low, high = consumer.get_watermark_offsets(committed, 2)
            pending += high - (committed.offset if committed.offset >= 0 else low)
        return pending
    finally:
        consumer.close()


# --- Redis ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CachedFact:
    """Una clave de Redis: su valor y los segundos que le quedan (-1, no caduca)."""

    key: str
    value: str
    ttl_s: int


def cached(run: Run, key: str, *, ttl_s: int) -> CachedFact:
    """La clave `key`, comprobando que caduca dentro de `ttl_s` segundos o menos."""
    batch = run.clients.redis.pipeline(transaction=True)
    batch.get(key)
    batch.ttl(key)
    value, left = batch.execute()
    if value is None:
        raise NotProven(f"En Redis no está la clave «{key}».")
    if left == -1:
        raise NotProven(f"La clave «{key}» no caduca; se esperaba un TTL de {ttl_s} s o menos.", final=True)
    if not 0 < left <= ttl_s:
        raise NotProven(f"A la clave «{key}» le quedan {left} s; se esperaban entre 1 y {ttl_s} s.", final=True)
    return CachedFact(key, str(value), int(left))


# --- Consul -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstanceFact:
    """Una instancia apuntada en Consul.

    `passing` es si pasa todas sus comprobaciones; `problem`, lo que contó la primera que no. `modified` es el
    índice del último cambio suyo o de sus comprobaciones: una respuesta de índice mayor o igual ya la vio así.
    """

    id: str
    address: str
    passing: bool
    problem: str
    modified: int


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """Lo que Consul sabe ahora de un servicio, y su índice (`X-Consul-Index`)."""

    index: int
    instances: tuple[InstanceFact, ...]

    @property
    def healthy(self) -> tuple[InstanceFact, ...]:
        """Las que Consul daría a quien pida solo las sanas."""
        return tuple(one for one in self.instances if one.passing)


def registered(run: Run, name: str) -> ServiceFact:
    """Las instancias de `name`, sanas o no, preguntadas a Consul."""
    url = f"http://{run.env['CONSUL_HTTP_ADDR']}/v1/health/service/{quote(name, safe='')}"
    answer = ask(run, "GET", url)
    if not answer.ok:
        raise NotProven(f"Consul contestó {answer} al preguntarle por «{name}».")
    return ServiceFact(int(answer.headers["x-consul-index"]), tuple(map(_instance, answer.json())))


def _instance(entry: Mapping[str, Any]) -> InstanceFact:
    service, checks = entry["Service"], entry["Checks"]
    bad = next((check for check in checks if check["Status"] != "passing"), None)
    return InstanceFact(
        str(service["ID"]),
        f"{service['Address'] or entry['Node']['Address']}:{service['Port']}",
        bad is None,
        str(bad["Output"]) if bad is not None else "",
        max(int(one["ModifyIndex"]) for one in (service, *checks)),
    )


# --- Jaeger -----------------------------------------------------------------------------------------------------


def span(run: Run, match: SpanMatch, what: str) -> Span:
    """El primer span de esta ejecución que cumple `match`; `what` lo nombra si no está."""
    found = next(run.trace().find(match), None)
    if found is None:
        raise NotProven(f"En la traza que guarda Jaeger no está {what}.")
    return found


def edge(run: Run, parent_service: str, child: SpanMatch, what: str) -> tuple[Span, Span]:
    """La arista entre dos servicios: el span `child` y su padre, que ha de ser de `parent_service`."""
    below = span(run, child, what)
    above = run.trace().span(below.parent_id)
    if above is None:
        raise NotProven(f"En Jaeger está {what}, pero no el span que lo causó.")
    if above.service != parent_service:
        raise NotProven(f"A {what} lo causó «{above.service}» y no «{parent_service}».", final=True)
    return above, below


def whole_trace(run: Run, services: Iterable[str]) -> list[Span]:
    """Todos los spans, si están los de todos los `services`, con una sola raíz y ninguno sin su padre."""
    trace = run.trace()
    missing = [name for name in services if name not in trace.services]
    if missing:
        raise NotProven(f"A la traza le faltan los spans de {', '.join(missing)}.")
    if trace.orphans:
        names = ", ".join(f"{span.service}: {span.name}" for span in trace.orphans)
        raise NotProven(f"En la traza hay spans sin su padre ({names}).")
    if len(trace.roots) != 1:
        raise NotProven(f"La traza tiene {len(trace.roots)} comienzos; se esperaba uno.")
    return list(trace.spans)


# --- Prometheus y Grafana ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SampleFact:
    """El último valor de una serie y cuándo se leyó (segundos desde 1970)."""

    query: str
    value: float
    at: float


def sample(run: Run, query: str) -> SampleFact:
    """El valor más reciente de `query` y el instante de su última lectura, preguntados a Prometheus.

    La consulta ha de dar una sola serie que siga viva: la de una dirección que el programa tuvo antes dura en las
    respuestas cinco minutos. Raises `NotProven` si no da ninguna o da varias.
    """
    values, times = _vector(run, query), _vector(run, f"timestamp({query})")
    known = {labels: (value, times[labels]) for labels, value in values.items() if labels in times}
    if len(known) > 1:
        known = {labels: (value, at) for labels, (value, at) in known.items() if at >= run.started_at}
    if len(known) != 1:
        raise NotProven(f"Prometheus tiene {len(known)} series para «{query}»; se esperaba una.")
    value, at = next(iter(known.values()))
    return SampleFact(query, value, at)


def sample_since(run: Run, query: str) -> SampleFact:
    """Como `sample`, pero la lectura ha de ser posterior al comienzo de la ejecución."""
    fact = sample(run, query)
    if fact.at < run.started_at:
        raise NotProven(f"Prometheus no ha vuelto a leer «{query}» desde que empezó la ejecución.")
    return fact


def _vector(run: Run, query: str) -> dict[frozenset[tuple[str, str]], float]:
    """Lo que contesta Prometheus a `query`: las etiquetas de cada serie, sin su nombre, y su valor."""
    answer = ask(run, "GET", f"{run.env['PROMETHEUS_URL']}/api/v1/query?query={quote(query)}")
    document = answer.json()
    if not answer.ok or not isinstance(document, dict):
        raise NotProven(f"Prometheus contestó {answer} a «{query}».")
    return {
        frozenset(pair for pair in one["metric"].items() if pair[0] != "__name__"): float(one["value"][1])
        for one in document["data"]["result"]
    }


def metric_of(run: Run, url: str, name: str, labels: Mapping[str, str]) -> float:
    """El valor que enseña ahora mismo un microservicio en su `/metrics`, sin pasar por Prometheus.

    Suma las series de `name` que tengan esas etiquetas; 0 si no hay ninguna.
    """
    answer = ask(run, "GET", f"{url}/metrics")
    total = 0.0
    for line in answer.body.decode("utf-8", "replace").splitlines():
        series, _, value = line.rpartition(" ")
        if (series == name or series.startswith(f"{name}{{")) and all(
            f'{key}="{text}"' in series for key, text in labels.items()
        ):
            total += float(value)
    return total


def panel_with_data(run: Run, uid: str, metric: str) -> str:
    """El título de un panel de `uid`, servido por Grafana, que pregunta por `metric` y tiene datos de ahora."""
    answer = ask(run, "GET", f"{run.env['GRAFANA_URL']}/api/dashboards/uid/{uid}")
    document = answer.json()
    if not answer.ok or not isinstance(document, dict):
        raise NotProven(f"Grafana contestó {answer} al pedirle el panel «{uid}».")
    for panel in _panels(document["dashboard"].get("panels", [])):
        if any(metric in str(target.get("expr", "")) for target in panel.get("targets", [])):
            return str(panel.get("title", ""))
    raise NotProven(f"Ningún panel de «{uid}» enseña {metric}.", final=True)


def _panels(panels: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))
