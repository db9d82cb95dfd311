"""La cuenta de un comercio: sus claves, las tarjetas que le dieron y el libro de sus pagos. Sin HTTP.

Las reglas son las de un proveedor de verdad (https://docs.stripe.com/api/idempotent_requests): con la misma clave
de idempotencia se contesta lo mismo que la primera vez y no se cobra dos veces; con la misma clave y otra orden se
rechaza; y si la primera todavía está en curso, también. Un fallo (500) no se recuerda: no se cobró nada.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MAX_PAYMENTS = 5000
MAX_METHODS = 5000


class Status(StrEnum):
    """Cómo quedó un pago."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Lo que pasa al pagar con una tarjeta de prueba.

    `code` es el motivo del rechazo; `delay_s`, lo que se tarda de más; con `broken` el proveedor falla (500).
    """

    title: str
    status: Status = Status.SUCCEEDED
    code: str = ""
    delay_s: float = 0.0
    broken: bool = False


CARDS: Mapping[str, Behaviour] = {
    "4242424242424242": Behaviour("se cobra"),
    "4000000000000002": Behaviour("rechazada, sin decir por qué", Status.DECLINED, "generic_decline"),
    "4000000000009995": Behaviour("rechazada: no hay saldo", Status.DECLINED, "insufficient_funds"),
    "4000000000000069": Behaviour("rechazada: caducada", Status.DECLINED, "expired_card"),
    "4000002760003184": Behaviour("el banco pide que la persona confirme", Status.REQUIRES_ACTION),
    "4000000000000507": Behaviour("el proveedor falla (500)", broken=True),
    "4000000000001505": Behaviour("se cobra, pero tarda segundo y medio", delay_s=1.5),
}
"""Las tarjetas de prueba. Las que también tiene Stripe hacen lo mismo que allí."""


@dataclass(frozen=True, slots=True)
class Method:
    """Una tarjeta guardada: el comercio solo ve su identificador y las cuatro últimas cifras."""

    id: str
    last4: str
    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class Payment:
    """Un pago apuntado en el libro. `amount` son céntimos; `api_key` es el nombre de la clave con que se pidió."""

    id: str
    amount: int
    currency: str
    status: Status
    code: str
    description: str
    metadata: Mapping[str, str]
    idempotency_key: str
    api_key: str
    last4: str
    created: float


@dataclass(frozen=True, slots=True)
class Order:
    """Lo que se pide cobrar."""

    amount: int
    currency: str
    method: str
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ApiKey:
    """Una clave secreta de la cuenta: cada instancia del comercio debería tener la suya."""

    name: str
    secret: str
    active: bool = True


class Refused(Exception):
    """No se atiende la petición. `kind` y `code` son los que lleva la respuesta; `status`, su estado HTTP."""

    def __init__(self, status: int, kind: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.code, self.message = status, kind, code, message


@dataclass(slots=True)
class _Remembered:
    order: Order
    payment: Payment | None = None


class Account:
    """La cuenta. Todo se usa desde el bucle de asyncio: nada se cruza entre una espera y la siguiente."""

    def __init__(
        self, keys: Mapping[str, str], publishable: str, reader: str, suspended: Iterable[str] = ()
    ) -> None:
        off = set(suspended)
        self.keys = {name: ApiKey(name, secret, name not in off) for name, secret in keys.items()}
        self.delay_s, self.failing = 0.0, False
        self._publishable, self._reader = publishable, reader
        self._methods: dict[str, Method] = {}
        self._payments: dict[str, Payment] = {}
        self._remembered: dict[str, _Remembered] = {}

    # --- quién llama ------------------------------------------------------------------------------------------

    def secret(self, given: str) -> ApiKey:
        """La clave secreta `given`; `Refused` (401) si no existe o está suspendida."""
        for key in self.keys.values():
            if hmac.compare_digest(key.secret.encode(), given.encode()):
                if not key.active:
                    raise Refused(401, "authentication_error", "api_key_suspended", "Esa clave está suspendida.")
                return key
        raise Refused(401, "authentication_error", "api_key_invalid", "Esa clave no es de esta cuenta.")

    def check_reader(self, given: str) -> None:
        """El libro lo puede mirar contabilidad, con su clave, y cualquiera que pueda cobrar; `Refused` si no."""
        if not hmac.compare_digest(self._reader.encode(), given.encode()):
            self.secret(given)

    def check_publishable(self, given: str) -> None:
        """La clave que puede llevar una página web solo sirve para guardar tarjetas; `Refused` si no es ella."""
        if not hmac.compare_digest(self._publishable.encode(), given.encode()):
            raise Refused(401, "authentication_error", "api_key_invalid", "Esa clave no es de esta cuenta.")

    # --- tarjetas ---------------------------------------------------------------------------------------------

    def save(self, number: str) -> Method:
        """Guarda una tarjeta de prueba. Una de verdad se rechaza sin guardarla: esto es un simulador."""
        digits = number.replace(" ", "")
        behaviour = CARDS.get(digits)
        if behaviour is None:
            raise Refused(
                402, "card_error", "test_card_required", "Solo valen las tarjetas de prueba; están en la página."
            )
        method = Method(f"pm_{secrets.token_hex(12)}", digits[-4:], behaviour)
        _make_room(self._methods, MAX_METHODS)
        self._methods[method.id] = method
        return method

    def method(self, identifier: str) -> Method:
        """La tarjeta guardada `identifier`; `Refused` si no existe."""
        if identifier not in self._methods:
            raise Refused(400, "invalid_request_error", "resource_missing", f"No existe «{identifier}».")
        return self._methods[identifier]

    # --- pagos ------------------------------------------------------------------------------------------------

    def begin(self, order: Order, idempotency_key: str) -> Payment | None:
        """Empieza a atender `order`: el pago de la primera vez, si ya se atendió, o `None` si hay que cobrar.

        Raises:
            Refused: 400 si esa clave de idempotencia era de otra orden, 409 si la primera sigue en curso.
        """
        if not idempotency_key:
            return None
        known = self._remembered.get(idempotency_key)
        if known is None:
            _make_room(self._remembered, MAX_PAYMENTS)
            self._remembered[idempotency_key] = _Remembered(order)
            return None
        if known.order != order:
            raise Refused(
                400,
                "idempotency_error",
                "idempotency_key_reused",
                "Esa clave de idempotencia ya se usó para cobrar otra cosa.",
            )
        if known.payment is None:
            raise Refused(
                409,
                "idempotency_error",
                "idempotency_key_in_use",
                "La primera petición con esa clave sigue en curso.",
            )
        return known.payment

    def settle(self, order: Order, idempotency_key: str, api_key: str, method: Method) -> Payment:
        """Cobra (o rechaza) y lo apunta en el libro."""
        payment = Payment(
            f"pay_{secrets.token_hex(12)}",
            order.amount,
            order.currency,
            method.behaviour.status,
            method.behaviour.code,
            order.description,
            order.metadata,
            idempotency_key,
            api_key,
            method.last4,
            time.time(),
        )
        _make_room(self._payments, MAX_PAYMENTS)
        self._payments[payment.id] = payment
        if idempotency_key in self._remembered:
            self._remembered[idempotency_key].payment = payment
        return payment

    def give_up(self, idempotency_key: str) -> None:
        """La orden no se llegó a cobrar: con esa clave se podrá volver a intentar."""
        known = self._remembered.get(idempotency_key)
        if known is not None and known.payment is None:
            del self._remembered[idempotency_key]

    def payments(self, idempotency_key: str = "") -> list[Payment]:
        """El libro, del más nuevo al más viejo; con clave de idempotencia, solo los suyos."""
        found = reversed(self._payments.values())
        return [one for one in found if not idempotency_key or one.idempotency_key == idempotency_key]

    def payment(self, identifier: str) -> Payment:
        """El pago `identifier`; `Refused` (404) si no existe."""
        if identifier not in self._payments:
            raise Refused(404, "invalid_request_error", "resource_missing", f"No existe el pago «{identifier}».")
        return self._payments[identifier]


def _make_room(known: dict[str, Any], most: int) -> None:
    """Que no pase de `most`: se olvida lo más viejo."""
    while len(known) >= most:
        del known[next(iter(known))]
