"""Cobrar: la llamada a la pasarela, el proveedor de fuera y la respuesta (C3, C4 y C5)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.read import InstanceFact
from scenarios.engine.trace import Span
from scenarios.flujo_c import spans
from scenarios.flujo_c.client import PROCESS_PATH, SERVICE, charged, euros, provider, requests_of


def c3(run: Run) -> Evidence:
    """Finanzas llamó a una instancia que Consul da por sana, y esa instancia contó una orden más."""
    called = run.until(lambda: call(run), "Jaeger")
    instance = run.until(lambda: receiver(run, called), "Consul")
    before = charged(run).requests_before.get(instance.id)
    if before is None:
        raise NotProven(f"Antes de empezar no se pudo leer el contador de {instance.id}.", final=True)
    after = run.until(lambda: _one_more(run, instance.id, before), instance.id)
    return Evidence(
        _title(run, instance.id),
        f"finanzas → {instance.id} ({instance.address}) · sus órdenes: {before:.0f} → {after:.0f}",
        {
            "instancia": instance.id,
            "dirección (la de Consul)": instance.address,
            "span de la llamada": called.span_id,
            "órdenes atendidas": f"{before:.0f} → {after:.0f}",
        },
    )


def _title(run: Run, name: str) -> str:
    return next(one.title for one in run.laboratory.services if one.name == name)


def call(run: Run) -> Span:
    """La última llamada de Finanzas a una pasarela. Si la petición ya acabó y no está, no la hubo."""
    trace = run.trace()
    calls = [span for span in trace.find(spans.CALL) if span.status is not None]
    if not calls:
        ended = next(trace.find(spans.REQUEST), None) is not None
        raise NotProven("En Jaeger no está ninguna llamada contestada de Finanzas a una pasarela.", final=ended)
    return calls[-1]


def receiver(run: Run, called: Span) -> InstanceFact:
    """La instancia, apuntada en Consul y sana, a la que iba esa llamada."""
    address = urlsplit(str(called.attributes["url.full"])).netloc
    for one in read.registered(run, SERVICE).healthy:
        if one.address == address:
            return one
    raise NotProven(f"Finanzas llamó a {address}, que no es de ninguna instancia sana de Consul.")


def _one_more(run: Run, name: str, before: float) -> float:
    """Las órdenes que lleva `name`: una más que antes o, si otros cobran a la vez, las que cuenta Jaeger."""
    after = requests_of(run, name)
    if after <= before:
        raise NotProven(f"{name} había atendido {before:.0f} órdenes en {PROCESS_PATH} y sigue en {after:.0f}.")
    if after > before + 1:
        served = read.spans_since(run, spans.PROCESS, charged(run).counted_at)
        known = sum(span.instance == name for span in served)
        if after != before + known:
            raise NotProven(f"{name} ha atendido {after - before:.0f} órdenes más, y Jaeger cuenta {known}.")
    return after


def c4(run: Run) -> Evidence:
    """En el libro del proveedor hay un solo pago con la clave de esta ejecución, de este importe."""
    charge = charged(run)
    payment = run.until(lambda: in_the_ledger(run), "Cobros")
    expected = {"amount": charge.amount, "currency": "eur", "metadata": {"student": charge.student}}
    for field, value in expected.items():
        if payment[field] != value:
            raise NotProven(
                f"El proveedor apuntó {field} = {payment[field]!r}; se esperaba {value!r}.", final=True
            )
    return Evidence(
        "Cobros (proveedor)",
        f"{payment['id']} · {euros(payment['amount'])} · {payment['status']} · clave {charge.key}",
        {
            "pago": payment["id"],
            "importe en céntimos": payment["amount"],
            "estado": payment["status"],
            "clave de idempotencia": payment["idempotency_key"],
            "lo pidió": payment["api_key"],
            "estudiante": charge.student,
            "dinero de verdad": payment["livemode"],
        },
    )


def in_the_ledger(run: Run) -> dict[str, Any]:
    """El pago de esta ejecución, leído del libro del proveedor con la clave de contabilidad."""
    key = charged(run).key
    headers = {"Authorization": f"Bearer {run.credentials['COBROS_READER_KEY']}"}
    found = provider(run, "GET", f"/v1/payments?idempotency_key={key}", headers)["data"]
    if len(found) > 1:
        raise NotProven(f"El proveedor apuntó {len(found)} pagos con la clave {key}; se esperaba uno.", final=True)
    if not found:
        answered = run.answered
        raise NotProven(
            f"En el libro del proveedor no hay ningún pago con la clave {key}.", final=answered is not None
        )
    return dict(found[0])


def c5(run: Run) -> Evidence:
    """La pasarela contestó a Finanzas, y lo que llegó a quien pidió el cobro es lo que apuntó el proveedor."""
    answer = run.answer()
    if not answer.ok:
        raise NotProven(f"El pago no se confirmó: {answer}.", final=True)
    told = answer.json() or {}
    replied = run.until(lambda: call(run), "Jaeger")
    payment = run.until(lambda: in_the_ledger(run), "Cobros")
    same = {"payment": payment["id"], "status": payment["status"], "gateway": payment["api_key"]}
    for field, value in same.items():
        if told.get(field) != value:
            raise NotProven(
                f"La respuesta dice {field} = {told.get(field)!r} y el proveedor, {value!r}.", final=True
            )
    return Evidence(
        "Jaeger",
        f"{told['gateway']} contestó {replied.status} · {told['payment']} {told['status']} = lo del proveedor",
        {
            "estado": replied.status,
            "pago": told["payment"],
            "cómo quedó": told["status"],
            "contestó": told["gateway"],
            "span de la llamada": replied.span_id,
        },
    )
