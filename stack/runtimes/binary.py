"""Los programas reales que la persona tiene en su máquina, como procesos de stacklab.

Se adopta el programa, no un servidor que ya esté en marcha: stacklab lo arranca con su propia configuración, en su
carpeta y en 127.0.0.1, y lo para entero. Lo que la persona tuviera corriendo por su cuenta no se toca.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stack.addresses import Endpoint
from stack.folder import Folder
from stack.model import Fidelity, Service
from stack.prepare import Prepared, Recipe, on_this_machine, prepare
from stack.runtimes.base import Offer
from stack.runtimes.local import LocalRuntime
from stack.runtimes.programs import Program, Programs, Rejected


class BinaryRuntime(LocalRuntime):
    """El primero de `service.binaries` que se encuentra."""

    name = "binary"

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self.programs = Programs(folder.path / "programs.json")
        self._found: dict[str, Program | None] = {}

    def offer(self, service: Service) -> Offer | None:
        """El programa encontrado, con la versión que él dice; `None` si no hay ninguno que valga."""
        program = self._program(service)
        if program is None:
            return None
        data = program.binary
        return Offer(program.product, Fidelity.BINARY, data.memory_mb, data.ready_timeout_s, data.stop_grace_s)

    def why_not(self, service: Service) -> str:
        """Por qué no hay oferta para `service`, en una frase."""
        if not service.binaries:
            return f"stacklab no sabe arrancar {service.title} como programa de esta máquina"
        for binary in service.binaries:
            if isinstance(seen := self.programs.look(binary), Rejected):
                return f"{seen.path} no vale: {seen.reason}"
        wanted = " ni ".join(dict.fromkeys(self._name(service, number) for number in range(len(service.binaries))))
        return f"no encuentro {wanted} en STACKLAB_BIN, en el PATH ni entre lo que trae pip"

    def prepare(self, service: Service, endpoints: Iterable[Endpoint], names: Mapping[str, str]) -> Prepared:
        """Resuelve su orden, su entorno y sus ficheros."""
        program, everything = self._program(service), tuple(endpoints)
        assert program is not None, "solo se prepara lo que se ofrece"
        data = program.binary
        recipe = Recipe(
            data.argv,
            data.env,
            service.config if data.config is None else data.config,
            extra={"PROGRAM": str(program.path)},
            identity=(str(program.path), program.version),
        )
        place = on_this_machine(service, everything, self._folder.services)
        return prepare(service, recipe, place, endpoints=everything, credentials=names)

    def _program(self, service: Service) -> Program | None:
        if service.name not in self._found:
            self._found[service.name] = self.programs.first(service.binaries)
        return self._found[service.name]

    @staticmethod
    def _name(service: Service, number: int) -> str:
        binary = service.binaries[number]
        return f"{binary.home}/{binary.program}" if binary.home else binary.program
