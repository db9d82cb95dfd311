"""El servidor entero en un objeto: su configuración, lo que guarda, lo que lee y lo que calcula."""

from __future__ import annotations

import time
from pathlib import Path

from stack.prometheus.embedded.calculating import Calculator
from stack.prometheus.embedded.config import read
from stack.prometheus.embedded.evaluation import Evaluator
from stack.prometheus.embedded.fields import ConfigProblem
from stack.prometheus.embedded.promql import Options
from stack.prometheus.embedded.scraper import Scraper
from stack.prometheus.embedded.storage import Storage


class Server:
    """Lo que está en marcha. `path` es `prometheus.yml`; `ConfigProblem` si de entrada no vale."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = read(path)
        self.storage = Storage()
        self.scraper = Scraper(self.storage)
        self.evaluator = Evaluator(self.storage)
        self.calculator = Calculator(self.storage)
        self.started_s = self.reloaded_s = time.time()
        self.reload_ok = True

    def start(self) -> None:
        """Empieza a leer y a calcular; dentro del bucle de asyncio."""
        # Prometheus da a las subconsultas sin paso el mismo que a las reglas.
        self.calculator.subquery_ms = round(self.config.evaluation_s * 1000)
        self.evaluator.options = Options(self.calculator.subquery_ms)
        self.scraper.start(self.config.jobs)
        self.evaluator.start(self.config.groups)

    async def stop(self) -> None:
        """Para todo, también las consultas a medias."""
        self.calculator.cancel()
        await self.scraper.stop()
        await self.evaluator.stop()

    def reload(self) -> None:
        """Vuelve a leer la configuración. Si no vale, `ConfigProblem`, y todo sigue como estaba."""
        try:
            config = read(self.path)
        except ConfigProblem:
            self.reload_ok = False
            raise
        self.config, self.reload_ok, self.reloaded_s = config, True, time.time()
        self.start()
