"""Parar y quitar contenedores, todos a la vez, cada uno con su plazo."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from stack.runtimes.base import Stopped

if TYPE_CHECKING:
    from docker import APIClient

LOOK_S = 0.1
KILLED = 137
"""El código de quien muere por SIGKILL (128 + 9)."""


def stop_all(
    client: APIClient,
    services: Mapping[str, tuple[str, float]],
    *,
    hurry: Callable[[], bool],
    keep_log: Callable[[str, str], None],
    on_stopped: Callable[[Stopped], None],
) -> list[Stopped]:
    """Termina `services` (nombre → identificador y plazo en segundos) y los quita.

    Uno que se resiste no para a los demás.

    `keep_log` recibe el nombre y el identificador antes de que desaparezca. `on_stopped` se llama desde este hilo.
    """
    done: SimpleQueue[Stopped] = SimpleQueue()
    for name, (identity, grace) in services.items():
        work = (client, name, identity, grace, keep_log, done)
        threading.Thread(target=_stop, args=work, daemon=True).start()
    results: list[Stopped] = []
    killed = False
    while len(results) < len(services):
        if hurry() and not killed:
            killed = True
            left = [
                one for name, (one, _) in services.items() if name not in {stopped.service for stopped in results}
            ]
            for identity in left:
                threading.Thread(target=_kill, args=(client, identity), daemon=True).start()
        try:
            results.append(done.get(timeout=LOOK_S))
        except Empty:
            continue
        on_stopped(results[-1])
    return results


def _stop(
    client: APIClient,
    name: str,
    identity: str,
    grace: float,
    keep_log: Callable[[str, str], None],
    done: SimpleQueue[Stopped],
) -> None:
    from docker.errors import NotFound
    from requests.exceptions import RequestException

    began, forced, problems = time.monotonic(), False, []
    try:
        state = client.inspect_container(identity)["State"]
        if state["Running"]:
            client.stop(identity, timeout=max(1, round(grace)))
            forced = client.inspect_container(identity)["State"]["ExitCode"] == KILLED
        keep_log(name, identity)
        client.remove_container(identity, force=True, v=True)
        _wait_gone(client, identity)
    except NotFound:
        pass
    except (OSError, RequestException) as error:
        problems = [f"{name}: {error}"]
    commands = (f"docker rm -f {identity[:12]}",) if problems else ()
    done.put(Stopped(name, time.monotonic() - began, forced, tuple(problems), commands))


def _kill(client: APIClient, identity: str) -> None:
    import contextlib

    from docker.errors import APIError

    with contextlib.suppress(APIError, OSError):
        client.kill(identity)


def _wait_gone(client: APIClient, identity: str) -> None:
    """El motor guarda el nombre un instante después de quitarlo; quien venga detrás lo necesita libre."""
    deadline = time.monotonic() + 5
    while client.containers(all=True, filters={"id": identity}) and time.monotonic() < deadline:
        time.sleep(0.02)
