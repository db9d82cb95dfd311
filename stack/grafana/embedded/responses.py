"""Las formas en que Grafana contesta por su API.

https://grafana.com/docs/grafana/latest/developers/http_api/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stack.grafana.embedded.frames import Frame, wire
from stack.grafana.embedded.models import Dashboard, Datasource
from stack.grafana.embedded.prometheus import QueryError

VERSION = "13.2.3"
_TYPE_NAMES = {"prometheus": "Prometheus", "jaeger": "Jaeger"}


def health() -> dict[str, str]:
    """`GET /api/health`. La versión es la de Grafana con la que se compara."""
    return {"database": "ok", "version": VERSION, "commit": "stacklab"}


def search_item(dashboard: Dashboard) -> dict[str, Any]:
    """Un elemento de `GET /api/search`."""
    return {
        "id": dashboard.id,
        "orgId": 1,
        "uid": dashboard.uid,
        "title": dashboard.title,
        "uri": f"db/{dashboard.slug}",
        "url": dashboard.url,
        "slug": "",
        "type": "dash-db",
        "tags": list(dashboard.tags),
        "isStarred": False,
        "sortMeta": 0,
    }


def dashboard(item: Dashboard, loaded: str) -> dict[str, Any]:
    """`GET /api/dashboards/uid/{uid}`. `loaded` es cuándo se leyó su fichero, en ISO 8601."""
    meta = {
        "type": "db",
        "canSave": False,
        "canEdit": False,
        "canAdmin": False,
        "canStar": False,
        "canDelete": False,
        "slug": item.slug,
        "url": item.url,
        "expires": "0001-01-01T00:00:00Z",
        "created": loaded,
        "updated": loaded,
        "updatedBy": "",
        "createdBy": "",
        "version": int(item.source.get("version") or 1),
        "hasAcl": False,
        "isFolder": False,
        "folderId": 0,
        "folderUid": "",
        "folderTitle": item.folder or "General",
        "folderUrl": "",
        "provisioned": True,
        "provisionedExternalId": item.file,
    }
    return {"meta": meta, "dashboard": {**item.source, "id": item.id, "version": meta["version"]}}


def datasource(item: Datasource) -> dict[str, Any]:
    """Un elemento de `GET /api/datasources` y la respuesta de `/api/datasources/uid/{uid}`."""
    return {
        "id": item.id,
        "uid": item.uid,
        "orgId": 1,
        "name": item.name,
        "type": item.type,
        "typeName": _TYPE_NAMES.get(item.type, item.type),
        "typeLogoUrl": f"public/app/plugins/datasource/{item.type}/img/{item.type}_logo.svg",
        "access": item.access,
        "url": item.url,
        "user": "",
        "database": "",
        "basicAuth": False,
        "isDefault": item.default,
        "jsonData": dict(item.json_data),
        "readOnly": item.read_only,
    }


def query_result(frames: Iterable[Frame]) -> dict[str, Any]:
    """Lo que una consulta de `/api/ds/query` da cuando va bien."""
    return {"status": 200, "frames": [wire(frame) for frame in frames]}


def query_failure(error: QueryError) -> dict[str, Any]:
    """Y cuando no."""
    text = f"{error.message} {error.hint}".strip()
    return {"status": error.status, "error": text, "errorSource": "downstream", "frames": []}


def query_answer(results: dict[str, dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """La respuesta entera y su código: 400 si alguna consulta falló."""
    failed = any(result["status"] >= 400 for result in results.values())
    return {"results": results}, 400 if failed else 200


def message(text: str, **more: Any) -> dict[str, Any]:
    """Un error de la API, como los escribe Grafana."""
    return {"message": text, **more}


def found(items: Sequence[Dashboard], *, text: str, tags: Sequence[str], uids: Sequence[str]) -> list[Dashboard]:
    """Los tableros que encajan con una búsqueda."""
    wanted = text.casefold()
    return [
        item
        for item in items
        if wanted in item.title.casefold() and set(tags) <= set(item.tags) and (not uids or item.uid in uids)
    ]
