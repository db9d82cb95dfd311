"""Ayudas para hablar con n8n en las pruebas: su dueña, sus flujos de trabajo y los webhooks que los llaman."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import requests

from tests.support.kafka import eventually

EMAIL, PASSWORD = "prueba@stacklab.test", "Clave-de-prueba-1"


def node(name: str, kind: str, version: float, **parameters: Any) -> dict[str, Any]:
    """Un nodo, con lo que n8n pide de él además de sus parámetros."""
    return {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [0, 0],
        "parameters": parameters,
    }


def webhook(path: str, method: str = "POST") -> dict[str, Any]:
    """El nodo por el que se llama al flujo: `method` a `/webhook/<path>`. Contesta otro, el que diga `reply`."""
    data = node("Webhook", "webhook", 2.1, httpMethod=method, path=path, responseMode="responseNode", options={})
    return data | {"webhookId": path}


def reply(expression: str, name: str = "Responde", status: int = 200) -> dict[str, Any]:
    """El nodo que contesta con el JSON de una expresión."""
    options = {"responseCode": status}
    return node(
        name, "respondToWebhook", 1.5, respondWith="json", responseBody=f"={{{{ {expression} }}}}", options=options
    )


def chain(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Las conexiones de unos nodos puestos en fila."""
    return {before["name"]: output(after) for before, after in pairwise(nodes)}


def output(*branches: dict[str, Any]) -> dict[str, Any]:
    """Las salidas de un nodo: un nodo siguiente por cada una."""
    return {"main": [[{"node": after["name"], "type": "main", "index": 0}] for after in branches]}


class N8n:
    """Un n8n en marcha en `url`, en el que se entra como su dueña (la crea si aún no tiene)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        # Su sonda dice que está listo uno o dos segundos antes de que atienda a nadie.
        settings = eventually(
            lambda: self.call("GET", "/rest/settings"), until=lambda found: found.status_code == 200
        )
        if settings.json()["data"]["userManagement"]["showSetupOnFirstLoad"]:
            owner = {"email": EMAIL, "password": PASSWORD, "firstName": "Ana", "lastName": "Prueba"}
            self.call("POST", "/rest/owner/setup", owner).raise_for_status()
        self.call("POST", "/rest/login", {"emailOrLdapLoginId": EMAIL, "password": PASSWORD}).raise_for_status()

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Una petición a su API interna, la que usa su página."""
        return self.session.request(method, self.url + path, json=body, timeout=30)

    def publish(self, identifier: str, nodes: list[dict[str, Any]], connections: dict[str, Any]) -> dict[str, Any]:
        """Importa un flujo de trabajo con ese identificador y lo pone en marcha; devuelve lo que n8n guardó."""
        document = {
            "id": identifier,
            "name": identifier,
            "nodes": nodes,
            "connections": connections,
            "settings": {},
        }
        created = self.call("POST", "/rest/workflows", document)
        created.raise_for_status()
        saved: dict[str, Any] = created.json()["data"]
        version = {"versionId": saved["versionId"]}
        self.call("POST", f"/rest/workflows/{saved['id']}/activate", version).raise_for_status()
        return saved

    def hook(self, path: str, body: Any = None, method: str = "POST", **options: Any) -> requests.Response:
        """Llama a un webhook; espera a que n8n lo tenga puesto, que tarda un momento después de publicarlo."""

        def call() -> requests.Response:
            return requests.request(method, f"{self.url}/webhook/{path}", json=body, timeout=30, **options)

        return eventually(call, until=lambda answer: answer.status_code != 404)

    def executions(self, workflow: str) -> list[dict[str, Any]]:
        """Las ejecuciones de un flujo que ya acabaron, de la última a la primera."""
        answer = self.call("GET", f'/rest/executions?filter={{"workflowId":"{workflow}"}}')
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["results"]
        return [one for one in found if one["stoppedAt"]]

    def close(self) -> None:
        """Suelta sus conexiones."""
        self.session.close()
