"""Los plugins de Kong 3.9: quién pasa, cuánto pasa y qué queda escrito. Lo dé quien lo dé."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import jwt
import pytest
import requests
from Crypto.Hash import SHA256
from Crypto.Signature import DSS, pkcs1_15

from tests.support.kong import EC_KEY, RSA_KEY, SECRET, Kong, bearer, kong_lab, signed, token


@pytest.fixture(scope="module")
def kong(started: Callable[..., dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kong]:
    with kong_lab(started, tmp_path_factory.mktemp("kong")) as lab:
        yield lab


def test_jwt_with_each_algorithm(kong: Kong) -> None:
    tokens = {
        "ana-256": token(),
        "ana-384": token("ana-384", algorithm="HS384"),
        "ana-512": token("ana-512", algorithm="HS512"),
        "ana-rsa": signed("ana-rsa", "RS256", lambda data: pkcs1_15.new(RSA_KEY).sign(SHA256.new(data))),
        "ana-ec": signed("ana-ec", "ES256", lambda data: DSS.new(EC_KEY, "fips-186-3").sign(SHA256.new(data))),
    }
    for key, text in tokens.items():
        answer = kong.get("/jwt/x", headers=bearer(text))
        assert answer.status_code == 200, (key, answer.text)
        seen = answer.json()["headers"]
        assert seen["x-consumer-username"] == "ana"
        assert seen["x-consumer-custom-id"] == "a-1"
        assert seen["x-credential-identifier"] == key
        assert "x-anonymous-consumer" not in seen


def test_jwt_in_the_query_and_in_a_cookie(kong: Kong) -> None:
    assert kong.get("/jwt/x", params={"jwt": token()}).status_code == 200
    assert kong.get("/jwt/x", cookies={"sesion": token()}).status_code == 200


def test_no_token_is_a_401(kong: Kong) -> None:
    answer = kong.get("/jwt/x")
    assert answer.status_code == 401
    assert answer.json() == {"message": "Unauthorized"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (token(exp=int(time.time()) - 1), {"exp": "token expired"}),
        # Con margen: estos tokens se hacen al reunir las pruebas, y esta puede tocar minutos después.
        (token(nbf=int(time.time()) + 3600, exp=int(time.time()) + 7200), {"nbf": "token not valid yet"}),
        (token(exp="mañana"), {"exp": "must be a number"}),
        (token(secret="otro secreto, también de más de treinta y dos bytes"), {"message": "Invalid signature"}),
        (token("ana-512"), {"message": "Invalid algorithm"}),
        (token("de-nadie"), {"message": "No credentials found for given 'iss'"}),
        (token(""), {"message": "Invalid 'iss' in claims"}),
        (jwt.encode({"exp": 9999999999}, SECRET), {"message": "No mandatory 'iss' in claims"}),
        (jwt.encode({"iss": "ana-256"}, "", algorithm="none"), {"message": "Bad token; invalid alg"}),
        ("esto.no.vale", {"message": "Bad token; invalid JSON"}),
    ],
)
def test_a_bad_token_says_why(kong: Kong, text: str, body: dict[str, str]) -> None:
    answer = kong.get("/jwt/x", headers=bearer(text))
    assert answer.status_code == 401
    assert answer.json() == body
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_two_different_tokens_are_refused(kong: Kong) -> None:
    answer = kong.get("/jwt/x", params={"jwt": token(n=1)}, headers=bearer(token(n=2)))
    assert (answer.status_code, answer.json()) == (401, {"message": "Multiple tokens provided"})


def test_maximum_life_and_realm(kong: Kong) -> None:
    assert kong.get("/corto/x", headers=bearer(token())).status_code == 200
    answer = kong.get("/corto/x", headers=bearer(token(exp=int(time.time()) + 3600)))
    assert answer.json() == {"exp": "exceeds maximum allowed expiration"}
    assert kong.get("/corto/x").headers["WWW-Authenticate"] == 'Bearer realm="taller"'


def test_anonymous(kong: Kong) -> None:
    seen = kong.get("/anonima/x").json()["headers"]
    assert seen["x-consumer-username"] == "nadie"
    assert seen["x-anonymous-consumer"] == "true"


def test_key_auth(kong: Kong) -> None:
    answer = kong.get("/clave/x?b=2", headers={"apikey": "clave-de-ana"})
    assert answer.json()["headers"]["x-consumer-username"] == "ana"
    assert "apikey" not in answer.json()["headers"]
    assert kong.get("/clave/x?apikey=clave-de-ana&b=2").json()["path"] == "/x?b=2"
    for headers, message in (({}, "No API key found in request"), ({"apikey": "otra"}, "Unauthorized")):
        refused = kong.get("/clave/x", headers=headers)
        assert (refused.status_code, refused.json()["message"]) == (401, message)
        assert refused.headers["WWW-Authenticate"] == "Key"


def test_acl(kong: Kong) -> None:
    allowed = kong.get("/grupo/x", headers={"apikey": "clave-de-ana"})
    assert allowed.json()["headers"]["x-consumer-groups"] == "admins"
    refused = kong.get("/grupo/x", headers={"apikey": "clave-de-beto"})
    assert (refused.status_code, refused.json()["message"]) == (403, "You cannot consume this service")


def test_rate_limiting_goes_down_one_by_one_to_the_429(kong: Kong) -> None:
    answers = [kong.get("/limite/x", headers={"apikey": "clave-de-ana"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    first, last = answers[0].headers, answers[3]
    assert (first["RateLimit-Limit"], first["X-RateLimit-Limit-Month"]) == ("3", "3")
    assert (first["X-RateLimit-Limit-Year"], first["X-RateLimit-Remaining-Year"]) == ("1000", "999")
    assert 0 < int(first["RateLimit-Reset"]) <= 31 * 86400
    assert "Retry-After" not in first
    assert last.json()["message"] == "API rate limit exceeded"
    assert last.headers["Retry-After"] == last.headers["RateLimit-Reset"]


def test_the_limit_of_a_consumer_wins_over_that_of_the_route(kong: Kong) -> None:
    answers = [kong.get("/limite/x", headers={"apikey": "clave-de-beto"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[0].headers["RateLimit-Limit"] == "1"


def test_request_size_limiting(kong: Kong) -> None:
    assert requests.post(f"{kong.proxy}/pesa/x", data=b"x" * 1024, timeout=10).json()["size"] == 1024
    for data in (b"x" * 1025, iter([b"x" * 600, b"x" * 600])):
        answer = requests.post(f"{kong.proxy}/pesa/x", data=data, timeout=10)
        assert (answer.status_code, answer.json()["message"]) == (413, "Request size limit exceeded")


def test_cors(kong: Kong) -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    preflight = requests.options(f"{kong.proxy}/cors/x", headers=asked, timeout=10)
    assert (preflight.status_code, preflight.content) == (200, b"")
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Max-Age"] == "60"
    ours = kong.get("/cors/x", headers={"Origin": "https://una.prueba.example"})
    assert ours.headers["Access-Control-Allow-Origin"] == "https://una.prueba.example"
    assert ours.headers["Access-Control-Allow-Credentials"] == "true"
    assert (
        "Access-Control-Allow-Origin"
        not in kong.get("/cors/x", headers={"Origin": "https://malo.example"}).headers
    )


def test_correlation_id(kong: Kong) -> None:
    made = [kong.get("/correlacion/x") for _ in range(2)]
    ids = [answer.headers["Kong-Request-ID"] for answer in made]
    assert [answer.json()["headers"]["kong-request-id"] for answer in made] == ids
    (worker, first), (same, second) = (text.split("#") for text in ids)
    assert worker == same
    assert int(second) == int(first) + 1
    mine = kong.get("/correlacion/x", headers={"Kong-Request-ID": "mío".encode().decode("latin-1")})
    assert mine.headers["Kong-Request-ID"].encode("latin-1").decode() == "mío"


def test_a_request_without_traceparent_starts_a_trace(kong: Kong) -> None:
    seen = kong.get("/jwt/x?a=1", headers=bearer(token())).json()["headers"]["traceparent"].split("-")
    spans = {span["name"]: span for span in kong.collector.wait_for(seen[1], "kong.balancer")}
    root, balancer = spans["kong"], spans["kong.balancer"]
    assert (root["parent_id"], root["kind"], balancer["kind"]) == ("", 2, 3)
    assert (balancer["parent_id"], balancer["span_id"]) == (root["span_id"], seen[2])
    assert root["resource"]["service.name"] == "kong"
    attributes = root["attributes"]
    assert (attributes["http.method"], attributes["http.route"], attributes["http.status_code"]) == (
        "GET",
        "/jwt",
        200,
    )
    assert attributes["http.url"].endswith("/jwt/x?a=1")
    assert {"kong.router", "kong.access.plugin.jwt"} <= spans.keys()
    assert root["start_ns"] <= balancer["start_ns"] <= balancer["end_ns"] <= root["end_ns"]


def test_a_request_with_traceparent_goes_on_with_its_own(kong: Kong) -> None:
    trace_id, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    answer = kong.get("/recorta/x", headers={"traceparent": f"00-{trace_id}-{parent}-01"})
    seen = answer.json()["headers"]["traceparent"].split("-")
    assert (seen[1], seen[3]) == (trace_id, "01")
    spans = {span["name"]: span for span in kong.collector.wait_for(trace_id, "kong.balancer")}
    assert spans["kong"]["parent_id"] == parent
    assert spans["kong.balancer"]["span_id"] == seen[2]


def test_a_trace_that_is_not_sampled_is_not_exported(kong: Kong) -> None:
    silent, loud = "1af7651916cd43dd8448eb211c80319c", "2af7651916cd43dd8448eb211c80319c"
    answers = [
        kong.get("/recorta/x", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-{flags}"})
        for trace_id, flags in ((silent, "00"), (loud, "01"))
    ]
    assert [a.json()["headers"]["traceparent"][-2:] for a in answers] == ["00", "01"]
    kong.collector.wait_for(loud, "kong.balancer")
    assert not [span for span in kong.collector.spans if span["trace_id"] == silent]
