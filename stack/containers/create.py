"""Crear un contenedor a partir de un servicio ya resuelto, y meterle sus ficheros antes de arrancarlo."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from stack.containers.images import Image
from stack.ports import HOST
from stack.prepare import Prepared
from stack.runtimes.local import FROM_CONTAINER

if TYPE_CHECKING:
    from docker import APIClient

LOG_OPTIONS = {"max-size": "5m", "max-file": "2"}


def create(
    client: APIClient,
    prepared: Prepared,
    *,
    image: Image,
    name: str,
    network: str,
    volume: str,
    labels: Mapping[str, str],
    host_address: str,
) -> str:
    """Deja el contenedor en marcha y devuelve su identificador.

    Solo publica en 127.0.0.1. Los ficheros entran con `put_archive` en vez de montarse: cada imagen corre con su
    propio usuario, que no podría leer los de la carpeta de la persona. `host_address` es como ve el contenedor a
    esta máquina. Si no arranca, no queda nada.

    Raises:
        docker.errors.DockerException: lo que diga el motor (`stack.containers.failures` lo explica).
    """
    data = prepared.service.container
    assert data is not None
    inside = {port.name: port.inside or port.number for port in prepared.service.ports}
    binds = {volume: {"bind": data.volume, "mode": "rw"}} if data.volume else None
    if data.volume:
        # Pedirlo otra vez no cambia nada, y así lleva la etiqueta.
        client.create_volume(volume, labels=dict(labels))
    made = client.create_container(
        image.reference,
        command=list(prepared.argv) or None,
        hostname=prepared.service.name,
        user=data.user or None,
        environment=dict(prepared.env),
        ports=list(inside.values()),
        volumes=[data.volume] if data.volume else None,
        name=name,
        labels=dict(labels),
        networking_config=client.create_networking_config(
            {network: client.create_endpoint_config(aliases=[prepared.service.name])}
        ),
        host_config=client.create_host_config(
            binds=binds,
            port_bindings={inside[one.port]: (HOST, one.number) for one in prepared.endpoints},
            network_mode=network,
            mem_limit=f"{data.memory_mb}m",
            memswap_limit=f"{data.memory_mb}m",
            log_config={"type": "json-file", "config": LOG_OPTIONS},
            extra_hosts={FROM_CONTAINER: host_address},
        ),
    )
    identity = str(made["Id"])
    try:
        if prepared.files:
            client.put_archive(identity, "/", archive(data.config_dir, prepared.files))
        client.start(identity)
    except Exception:
        client.remove_container(identity, force=True, v=True)
        raise
    return identity


def archive(folder: str, files: Mapping[str, str]) -> bytes:
    """Un tar con `files` (ruta relativa → texto) dentro de `folder`, que cualquiera de dentro puede leer.

    Las credenciales que lleven solo las ve quien está dentro de ese contenedor, que las necesita.
    """
    output, now = io.BytesIO(), int(time.time())
    with tarfile.open(fileobj=output, mode="w") as tar:
        made: set[str] = set()
        for target, text in sorted(files.items()):
            path = f"{folder.strip('/')}/{target}"
            parts = path.split("/")[:-1]
            for above in ("/".join(parts[: depth + 1]) for depth in range(len(parts))):
                if above not in made:
                    made.add(above)
                    about = tarfile.TarInfo(above)
                    about.type, about.mode, about.mtime = tarfile.DIRTYPE, 0o755, now
                    tar.addfile(about)
            content = text.encode()
            about = tarfile.TarInfo(path)
            about.size, about.mode, about.mtime = len(content), 0o644, now
            tar.addfile(about, io.BytesIO(content))
    return output.getvalue()
