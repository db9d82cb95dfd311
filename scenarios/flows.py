"""Los flujos que se pueden ejecutar: uno por carpeta `flujo_*` que tenga `flow.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from scenarios.engine.flow import Flow

_HERE = Path(__file__).parent


class _Flows(Mapping[str, Flow]):
    """De `flujo-a` a su `Flow`. Saber cuáles hay no importa nada; cada flujo se carga al pedirlo."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.parent.name.replace("_", "-") for path in _HERE.glob("flujo_*/flow.py")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        return key in set(self)

    def __getitem__(self, key: str) -> Flow:
        if key not in self:
            raise KeyError(key)
        flow = import_module(f"scenarios.{key.replace('-', '_')}.flow").FLOW
        assert isinstance(flow, Flow)
        return flow


FLOWS: Mapping[str, Flow] = _Flows()
