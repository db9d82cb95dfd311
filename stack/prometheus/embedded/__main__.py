"""Arranca el suplente de Prometheus."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stack.prometheus.embedded.config import ConfigProblem, read
from stack.prometheus.embedded.scrape import Scraper
from stack.prometheus.embedded.storage import Storage
from stack.prometheus.embedded.urls import application
from stack.web import serve


def main() -> None:
    """Lee la configuración y sirve; con una configuración mala dice el campo y sale con 1."""
    try:
        config = read(Path(os.environ["STACKLAB_CONFIG_DIR"]) / "prometheus.yml")
    except ConfigProblem as problem:
        sys.exit(f"La configuración de Prometheus no vale: {problem}")
    storage = Storage()
    serve({"http": application(config, storage, Scraper(config.targets, storage))})


main()
