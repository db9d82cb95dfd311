"""De una excepción a lo que ve la persona: causa, qué significa, orden siguiente y código de salida."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from stack.errors import OwnFault, StacklabError, UsageError

INTERRUPTED = 130
BROKEN_PIPE = 141


def guarded(command: Callable[[], Any], arguments: Sequence[str]) -> int:
    """Ejecuta `command` y devuelve el código de salida; ningún error llega a la persona como *traceback*."""
    try:
        code = command()
        sys.stdout.flush()
    except StacklabError as error:
        if isinstance(error, OwnFault):
            return _own_fault(error, arguments)
        return _say(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        return _nobody_reads()
    except SystemExit as left:
        # Typer y rich convierten una tubería cerrada en un 1, que aquí querría decir «un paso no se probó».
        if isinstance(left.__context__, BrokenPipeError):
            return _nobody_reads()
        raise
    except Exception as error:
        return _of_typer(error, arguments)
    if code == INTERRUPTED:
        print("\nInterrumpido.", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _of_typer(error: Exception, arguments: Sequence[str]) -> int:
    """Typer también dice con excepciones que la orden está mal escrita o que acabó; lo demás es fallo nuestro."""
    usage = _as_usage_error(error, arguments)
    if usage is not None:
        return _say(usage)
    if type(error).__name__ == "Exit":
        return int(getattr(error, "exit_code", 0))
    if type(error).__name__ == "Abort":
        return INTERRUPTED
    return _own_fault(error, arguments)


def _nobody_reads() -> int:
    """Quien leía (por ejemplo `head`) ya se fue: no hay a quién contarle nada."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _say(error: StacklabError) -> int:
    from lab.render.errors import show

    show(error)
    return error.exit_code


def _own_fault(error: BaseException, arguments: Sequence[str]) -> int:
    """Fallo nuestro: se escribe un informe listo para pegar y se dice dónde está."""
    from lab.render.errors import show
    from lab.report import redacted, write_report

    trace = "".join(traceback.format_exception(error))
    path = write_report(arguments, trace)
    cause = error.cause if isinstance(error, StacklabError) else f"{type(error).__name__}: {error}"
    meaning = "El fallo es de stacklab, no tuyo."
    if path is not None:
        meaning += f" He dejado un informe en {path} (sin secretos) para que puedas contarlo."
    show(OwnFault(redacted(cause), meaning, "stacklab doctor"))
    return OwnFault.exit_code


def _as_usage_error(error: Exception, arguments: Sequence[str]) -> UsageError | None:
    """Traduce los errores de uso de Typer (en inglés y con clases que cambian de sitio según la versión)."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "UsageError" not in names:
        return None
    context = getattr(error, "ctx", None)
    command = f"{context.command_path if context is not None else _verb(arguments)} --help"
    parameter = getattr(error, "param", None)
    label = _label(parameter)
    if "NoSuchOption" in names:
        name = str(getattr(error, "option_name", ""))
        near = _alike(name, getattr(error, "possibilities", None) or ())
        meaning = f"¿Querías decir {' o '.join(near)}?" if near else ""
        if not near and context is not None and context.parent is None:
            meaning = "Las opciones de un verbo van detrás de él."
        return UsageError(f"no conozco la opción {name}", meaning, command)
    if "MissingParameter" in names:
        return UsageError(f"falta {label}", getattr(parameter, "help", None) or "", command)
    if "BadParameter" in names:
        return UsageError(f"el valor de {label} no vale", getattr(parameter, "help", None) or "", command)
    if "BadOptionUsage" in names:
        return UsageError(f"la opción {getattr(error, 'option_name', '')} necesita un valor", "", command)
    extra = str(getattr(error, "message", ""))
    # «Got unexpected extra argument (x)», o «arguments (x y)»: lo que sobra es el último paréntesis.
    rest = extra.rpartition(" (")[2].rstrip(").")
    if "extra argument" in extra and rest:
        return UsageError(f"sobra «{rest}»", "", command)
    return UsageError("la orden está mal escrita", "", command)


def _verb(arguments: Sequence[str]) -> str:
    """La orden hasta su verbo: `stacklab run`."""
    from lab.cli import app

    verbs = {one.name for one in app.registered_commands}
    return " ".join(["stacklab", *(word for word in arguments[:1] if word in verbs)])


def _alike(name: str, known: Iterable[str]) -> list[str]:
    """Las opciones de `known` que se parecen a `name` sin contar los guiones, que los llevan todas."""
    from stack.suggest import nearest

    bare = {option.lstrip("-"): option for option in known}
    return [bare[one] for one in nearest(name.lstrip("-"), bare)]


def _label(parameter: Any) -> str:
    if parameter is None:
        return "un dato"
    if parameter.param_type_name == "option":
        return f"la opción {max(parameter.opts, key=len)}"
    return f"el argumento {str(parameter.metavar or parameter.name).upper()}"
