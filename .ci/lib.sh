# Lo que comparten los carriles. Se lee con «. .ci/lib.sh» desde la raíz del proyecto.

export PIP_DISABLE_PIP_VERSION_CHECK=1 NO_MKDOCS_2_WARNING=1
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME DOCKER_HOST DOCKER_CONTEXT

# Lo que tarda en hacerse se guarda aquí, si se puede, de una vez a la siguiente: programas compilados e imágenes.
export STACKLAB_CACHE=${STACKLAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stacklab}
export STACKLAB_REAL=${STACKLAB_REAL:-$STACKLAB_CACHE/reales}

step() { printf '\n── %s ── %s\n' "$1" "$(date +%T)"; }

# install PAQUETE…: los que falten del sistema, sin que ninguno ponga nada en marcha al instalarse.
install() {
  local missing=() one policy=/usr/sbin/policy-rc.d ours= code=0
  for one in "$@"; do
    dpkg-query -W -f '${Status}' "$one" 2>/dev/null | grep -q ' installed$' || missing+=("$one")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    ours=1
  fi
  # Dos carriles pueden instalar a la vez: apt espera su turno.
  apt-get -o DPkg::Lock::Timeout=300 update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qqy --no-install-recommends "${missing[@]}" >/dev/null || code=$?
  [ -z "$ours" ] || rm -f $policy
  [ $code = 0 ] || echo "No se ha podido instalar: ${missing[*]}" >&2
  return $code
}

# command_or_package ORDEN PAQUETE: el paquete, solo si no hay ya quien haga lo mismo.
command_or_package() { command -v "$1" >/dev/null || install "$2"; }
