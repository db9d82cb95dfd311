"""`stacklab list`: qué flujos hay."""

from __future__ import annotations

from lab import context
from lab.context import Json, Project


def list_flows(json: Json = False, project: Project = "default") -> None:
    """Enseña los flujos: de qué van, qué necesitan y si ya los has probado."""
    from lab import history
    from scenarios.catalog import SERVICES
    from scenarios.flows import FLOWS
    from stack.model import Kind

    past = history.read(context.laboratory(project).folder)
    catalog = {service.name: service for service in SERVICES}
    rows, words = [], []
    for flow_id, flow in FLOWS.items():
        needed = [catalog[name] for name in flow.services]
        services = [one for one in needed if one.kind is Kind.SERVICE]
        about = f"{flow.intro.partition('. ')[0]}."
        words.append({"about": about, "titles": [one.title for one in services]})
        rows.append(
            {
                "id": flow_id,
                "title": flow.title,
                "hops": len(flow.hops),
                "services": [one.name for one in services],
                "memory_mb": sum(one.embedded.memory_mb for one in needed if one.embedded is not None),
                "last": past.get(flow_id),
            }
        )
    if json:
        import json as writer

        print(writer.dumps({"flows": rows}, ensure_ascii=False))
        return
    from lab.render.flows import show

    # Lo que solo es para personas no va en el JSON.
    show([row | more for row, more in zip(rows, words, strict=True)])
