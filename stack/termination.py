"""Terminar servicios enteros: primero se pide, después se espera un plazo y al final se obliga."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from stack.processes import descendants, is_alive

ORPHAN_GRACE_S = 1.0
KILL_WAIT_S = 2.0


@dataclass(slots=True)
class Target:
    """Un servicio por terminar.

    `main` es su proceso principal (`None` si ya murió) y `others` los demás que llevan su etiqueta. Al acabar,
    `problems` dice qué no se pudo, `left` qué pids quedan y `forced` si hizo falta SIGKILL.
    """

    service: str
    main: psutil.Process | None
    others: list[psutil.Process]
    grace_s: float
    problems: list[str] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    forced: bool = False
    seconds: float = 0.0
    _asked_all: bool = False
    _killed: bool = False


def terminate(
    targets: Sequence[Target],
    *,
    ask: bool = True,
    hurry: Callable[[], bool] = lambda: False,
    reap: Callable[[], None] = lambda: None,
    ended: Callable[[Target], None] = lambda target: None,
) -> None:
    """Termina `targets` a la vez y vuelve cuando no queda nada, o no se puede más.

    Se pide con SIGTERM al proceso principal, que así recoge a sus hijos; cuando muere se pide a los que hayan
    quedado, y al acabar el plazo (o si `hurry` es cierto) se mata a todos. Con `ask` falso se mata sin pedir.
    `reap` entierra a los hijos de esta orden que ya murieron. Un proceso que no se deja no detiene a los demás:
    queda en `problems`.
    """
    began = time.monotonic()
    mains = [target.main.pid for target in targets if target.main is not None]
    family = _families(mains)
    for target in targets:
        if target.main is not None:
            known = {process.pid for process in target.others} | {target.main.pid}
            target.others += [process for process in family[target.main.pid] if process.pid not in known]
            if ask:
                _send(target, target.main, signal.SIGTERM)
    pending = list(targets)
    pause = 0.002
    while pending:
        reap()
        elapsed = time.monotonic() - began
        for target in list(pending):
            if _finished(target, elapsed, hurry() or not ask):
                target.seconds = elapsed
                pending.remove(target)
                ended(target)
        if pending:
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)


def _families(mains: Sequence[int]) -> dict[int, list[psutil.Process]]:
    tree = descendants(mains)
    parents = {process.pid: _parent(process) for process in tree}
    result: dict[int, list[psutil.Process]] = {pid: [] for pid in mains}
    for process in tree:
        above = parents[process.pid]
        while above is not None and above not in result:
            above = parents.get(above)
        if above is not None:
            result[above].append(process)
    return result


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


def _finished(target: Target, elapsed: float, hurry: bool) -> bool:
    """Da el siguiente paso que toque con `target`; cierto cuando ya no hay nada que hacer con él."""
    if target.main is not None and not is_alive(target.main):
        target.main = None
    target.others = [process for process in target.others if is_alive(process)]
    alive = [*([target.main] if target.main else []), *target.others]
    if not alive:
        target.problems.clear()
        return True
    if target.main is None and not target._asked_all and not hurry:
        target._asked_all = True
        target.grace_s = min(target.grace_s, elapsed + ORPHAN_GRACE_S)
        for process in target.others:
            _send(target, process, signal.SIGTERM)
    if target._killed:
        if elapsed > target.grace_s + KILL_WAIT_S:
            target.left = [process.pid for process in alive]
            target.problems.append(f"{target.service} sigue vivo después de SIGKILL")
            return True
    elif hurry or elapsed >= target.grace_s:
        target._killed = target.forced = True
        target.grace_s = elapsed
        if sum(_send(target, process, signal.SIGKILL) for process in alive) < len(alive):
            target.left = [process.pid for process in alive]
            return True
    return False


def _send(target: Target, process: psutil.Process, number: signal.Signals) -> bool:
    """Envía la señal, si sigue siendo el mismo proceso; falso (y apuntado) si no nos dejan."""
    try:
        process.send_signal(number)
        if number is signal.SIGTERM:
            # Uno parado (SIGSTOP) no se entera de nada hasta que sigue.
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)
    except psutil.NoSuchProcess:
        return True
    except psutil.Error as error:
        problem = f"el proceso {process.pid} de {target.service} no se deja parar: {error}"
        if problem not in target.problems:
            target.problems.append(problem)
        return False
    return True
