"""Qué cortafuegos hay y qué regla deja que los contenedores del laboratorio, y solo ellos, lleguen a esta máquina."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Firewall:
    """Un cortafuegos en marcha."""

    title: str
    rule: str


UFW = Firewall("ufw", "sudo ufw allow in on {interface}")
FIREWALLD = Firewall("firewalld", "sudo firewall-cmd --zone=trusted --add-interface={interface}")
_NETFILTER = "sudo iptables -I INPUT -i {interface} -j ACCEPT"


def active(root: Path = Path("/")) -> Firewall | None:
    """El que está en marcha, hasta donde se ve sin ser root; `None` si no se ve ninguno."""
    with contextlib.suppress(OSError):
        if re.search(r"^ENABLED=yes", (root / "etc/ufw/ufw.conf").read_text("utf-8"), re.MULTILINE):
            return UFW
    return FIREWALLD if _running("firewalld") else None


def rule(firewall: Firewall | None, interface: str) -> str:
    """La orden que deja pasar lo que entra por `interface`, la de la red del laboratorio."""
    return (firewall.rule if firewall is not None else _NETFILTER).format(interface=interface)


def _running(name: str) -> bool:
    import psutil

    return any(process.info["name"] == name for process in psutil.process_iter(["name"]))
