"""La ayuda en español. Typer trae la suya en inglés y sin traducciones, así que la escribimos entera."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Mapping
from typing import Any

from typer.core import TyperCommand, TyperGroup

from stack.errors import UsageError
from stack.suggest import nearest


class SpanishVerb(TyperCommand):
    """Un verbo con la ayuda en español."""

    def get_help(self, ctx: Any) -> str:
        """La ayuda completa del verbo, como texto, al ancho de la terminal."""
        return _page(self, ctx, usage=" ".join(self._usage_words()))

    def _usage_words(self) -> list[str]:
        words = ["[OPCIONES]"] if any(_is_option(param) for param in self.params) else []
        return words + [_argument_name(param) for param in self.params if not _is_option(param)]


class SpanishGroup(TyperGroup):
    """El grupo de verbos: ayuda en español, y un verbo mal escrito sugiere los parecidos."""

    def get_help(self, ctx: Any) -> str:
        """La ayuda general: qué es stacklab y qué verbos hay."""
        return _page(self, ctx, usage="VERBO …", verbs=self.commands)

    def list_commands(self, ctx: Any) -> list[str]:
        """Los verbos en el orden en que se aprenden, no alfabético."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Encuentra el verbo; si no existe, `UsageError` con los más parecidos."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            raise unknown("verbo", name, list(self.commands), "stacklab --help")
        return super().resolve_command(ctx, args)


def unknown(what: str, name: str, known: list[str], command: str) -> UsageError:
    """Un `UsageError` para un nombre que no existe: dice los más parecidos, o todos si no hay."""
    near = nearest(name, known)
    if near and len(near) < len(known):
        meaning = f"¿Querías decir {' o '.join(near)}?"
    else:
        meaning = f"Los que hay son: {', '.join(known)}."
    return UsageError(f"no conozco ningún {what} que se llame «{name}»", meaning, command)


def _page(command: Any, ctx: Any, *, usage: str, verbs: Mapping[str, Any] | None = None) -> str:
    width = max(30, min(shutil.get_terminal_size((80, 24)).columns, 100))
    sections = [f"Uso: {ctx.command_path} {usage}", _reflow(command.help or "", width)]
    if verbs is not None:
        rows = [(name, _first_sentence(verb.help or "")) for name, verb in verbs.items() if not verb.hidden]
        sections.append(_table("Verbos", rows, width))
    arguments = [(_argument_name(p), p.help or "") for p in command.params if not _is_option(p)]
    if arguments:
        sections.append(_table("Argumentos", arguments, width))
    options = [(_option_name(p), _option_help(p)) for p in command.params if _is_option(p) and not p.hidden]
    options.append(("--help", "Enseña esta ayuda y termina."))
    sections.append(_table("Opciones", options, width))
    return "\n\n".join(sections)


def _reflow(text: str, width: int) -> str:
    """Ajusta los párrafos al ancho; los bloques sangrados (ejemplos) se quedan como están."""
    blocks = []
    for block in inspect.cleandoc(text).split("\n\n"):
        if any(line.startswith(" ") for line in block.splitlines()):
            blocks.append(block)
        else:
            blocks.append(textwrap.fill(" ".join(block.split()), width))
    return "\n\n".join(blocks)


def _table(title: str, rows: list[tuple[str, str]], width: int) -> str:
    column = min(max(len(name) for name, _ in rows), 26, max(8, width - 34))
    lines = [f"{title}:"]
    for name, text in rows:
        body = textwrap.wrap(text, max(20, width - column - 4)) or [""]
        if len(name) > column:
            lines.append(f"  {name}")
            name = ""
        lines.append(f"  {name:<{column}}  {body[0]}")
        lines += [" " * (column + 4) + line for line in body[1:]]
    return "\n".join(lines)


def _is_option(param: Any) -> bool:
    return bool(param.param_type_name == "option")


def _argument_name(param: Any) -> str:
    name = str(param.metavar or param.name).upper()
    many = "…" if param.nargs == -1 else ""
    return f"{name}{many}" if param.required else f"[{name}{many}]"


def _option_name(param: Any) -> str:
    names = ", ".join(sorted(param.opts, key=len))
    if getattr(param, "is_flag", False):
        return names
    return f"{names} {param.metavar or str(param.name).upper()}"


def _option_help(param: Any) -> str:
    text = param.help or ""
    default = param.default
    if default in (None, False, True, (), []) or callable(default) or not param.show_default:
        return text
    return f"{text} [por defecto: {default}]"


def _first_sentence(text: str) -> str:
    return inspect.cleandoc(text).split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".")
