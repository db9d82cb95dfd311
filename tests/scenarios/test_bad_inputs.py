"""Lo que nadie manda por error: Auth y Finanzas lo rechazan sin romperse y sin echar la culpa a otro."""

from __future__ import annotations

import pytest
import requests

from stack.laboratory import Laboratory


@pytest.mark.parametrize(
    "body",
    [
        '{"email": "a\\u0000b@x.example", "password": "x"}',
        '{"email": "ana@x.example", "password": "\\ud800"}',
        '{"username": "ana\\n", "password": "x"}',
        '{"email": ["ana"], "password": "x"}',
        "[]",
        "{",
    ],
    ids=["nulo", "media-letra", "salto", "lista", "otra-cosa", "roto"],
)
def test_impossible_credentials_are_a_422(login_laboratory: Laboratory, body: str) -> None:
    url = login_laboratory.env()["AUTH_URL"]
    with requests.Session() as session:
        for _ in range(2):
            answer = session.post(
                f"{url}/api/auth/login", data=body, headers={"Content-Type": "application/json"}, timeout=5
            )
            assert answer.status_code == 422
            assert "ana" not in answer.text, "no devuelve lo que le mandaron"


@pytest.mark.parametrize("amount", [True, "10", 1.5, 0, -1, 10**9, None], ids=str)
def test_an_amount_is_a_whole_number_of_cents(laboratory: Laboratory, amount: object) -> None:
    from scenarios.services.finanzas import Charge

    with pytest.raises(ValueError, match="amount"):
        Charge.model_validate({"concept": "x", "amount": amount, "payment_method": "pm_1"})
