"""`stacklab completion`: que el tabulador complete verbos, flujos y servicios."""

from __future__ import annotations

from typing import Annotated

import typer

from stack.errors import UsageError

_SHELLS = {
    "bash": 'eval "$(stacklab completion bash)"      # en ~/.bashrc',
    "zsh": 'eval "$(stacklab completion zsh)"       # en ~/.zshrc, detrás de compinit',
    "fish": "stacklab completion fish | source      # en ~/.config/fish/config.fish",
}


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh o fish.")],
) -> None:
    """Escribe el guion que hace que el tabulador complete lo que falta.

    Ejemplos:
      eval "$(stacklab completion bash)"
      eval "$(stacklab completion zsh)"
      stacklab completion fish | source
    """
    if shell not in _SHELLS:
        raise UsageError(
            f"no sé completar en «{shell}»",
            f"Los que sé: {', '.join(_SHELLS)}.",
            "stacklab completion bash",
        )
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    print(get_completion_script(prog_name="stacklab", complete_var="_STACKLAB_COMPLETE", shell=shell))
