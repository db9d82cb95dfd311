#!/bin/sh
# Como la oficial: «server …» recibe su carpeta y lo que digan VAULT_*; lo demás, tal cual.
set -e
export VAULT_ADDR=${VAULT_ADDR:-http://127.0.0.1:8200} BAO_ADDR=${VAULT_ADDR:-http://127.0.0.1:8200}
[ -z "$VAULT_LOCAL_CONFIG" ] || printf '%s' "$VAULT_LOCAL_CONFIG" >/vault/config/local.json
case $1 in -*) set -- vault "$@" ;; esac
if [ "$1" = server ]; then
  shift
  # OpenBao no admite estas dos opciones fuera del modo de desarrollo.
  case " $* " in
    *" -dev "*)
      set -- "-dev-listen-address=${VAULT_DEV_LISTEN_ADDRESS:-0.0.0.0:8200}" "$@"
      [ -z "$VAULT_DEV_ROOT_TOKEN_ID" ] || set -- "-dev-root-token-id=$VAULT_DEV_ROOT_TOKEN_ID" "$@"
      ;;
  esac
  set -- vault server -config=/vault/config "$@"
elif [ "$1" != vault ] && vault "$1" --help >/dev/null 2>&1; then
  set -- vault "$@"
fi
exec "$@"
