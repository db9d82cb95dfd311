"""Un consumidor de Kafka en otro proceso y lo que va contando: para probar repartos, relevos y caídas."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONSUMER = """
import signal, sys
from confluent_kafka import Consumer
address, group, topic = sys.argv[1:]
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
consumer = Consumer({
    "bootstrap.servers": address, "group.id": group, "log_level": 2, "auto.offset.reset": "earliest",
    "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 300,
})
def tell(*words):
    print(*words, flush=True)
consumer.subscribe(
    [topic],
    on_assign=lambda _, parts: tell("reparto", *sorted(part.partition for part in parts)),
    on_revoke=lambda _, parts: tell("reparto"),
)
while going:
    message = consumer.poll(0.05)
    if message is not None and message.error() is None:
        consumer.commit(message, asynchronous=False)
        tell("leido", message.partition(), message.offset())
consumer.close()
tell("fin")
"""


@dataclass
class ConsumerProcess:
    """El proceso y el fichero donde va escribiendo."""

    process: subprocess.Popen[bytes]
    diary: Path

    def lines(self) -> list[list[str]]:
        """Lo que ha contado hasta ahora, en palabras; la última línea solo si está entera."""
        return [line.split() for line in self.diary.read_text("utf-8").split("\n")[:-1]]

    def assigned(self) -> set[int]:
        """Las particiones que tiene según lo último que contó."""
        told = [words[1:] for words in self.lines() if words[0] == "reparto"]
        return set(map(int, told[-1])) if told else set()

    def committed(self) -> list[tuple[int, int]]:
        """Los pares (partición, offset) que ha leído y confirmado, en orden."""
        return [(int(words[1]), int(words[2])) for words in self.lines() if words[0] == "leido"]

    def kill(self) -> None:
        """Como un corte de luz: no se despide."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def close(self) -> None:
        """Se despide del grupo y termina."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@contextmanager
def consuming(address: str, group: str, topic: str, diary: Path) -> Iterator[ConsumerProcess]:
    """Un proceso que lee `topic` en el grupo `group` y confirma cada mensaje; al salir no queda."""
    with diary.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _CONSUMER, address, group, topic], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield ConsumerProcess(process, diary)
    finally:
        process.kill()
        process.wait(10)
