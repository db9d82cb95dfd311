#!/bin/bash
# Como la oficial: «server CARPETA [--address :9000] [--console-address :9001]», con MINIO_ROOT_USER y MINIO_ROOT_PASSWORD.
set -e
[ "$1" = minio ] && shift
[ "$1" = server ] || { echo "minio: esta imagen de pruebas solo sabe «server»" >&2; exit 1; }
shift
folder=/data api=9000 console=9001
while [ $# -gt 0 ]; do
  case $1 in
    --console-address=*) console=${1##*:} ;;
    --console-address) console=${2##*:}; shift ;;
    --address=*) api=${1##*:} ;;
    --address) api=${2##*:}; shift ;;
    -*) ;;
    *) folder=$1 ;;
  esac
  shift
done
user=${MINIO_ROOT_USER:-minioadmin} password=${MINIO_ROOT_PASSWORD:-minioadmin}
if [ ${#user} -lt 3 ] || [ ${#password} -lt 8 ]; then
  echo "FATAL Invalid credentials: MINIO_ROOT_USER al menos 3 letras, MINIO_ROOT_PASSWORD al menos 8" >&2
  exit 1
fi
umask 077
mkdir -p "$folder" /run/rig/log
sed "s#/data#$folder#" /etc/rig/filer.toml >/run/rig/filer.toml
sed -e "s/@API@/$api/" -e "s/@CONSOLE@/$console/" /etc/rig/nginx.conf >/run/rig/nginx.conf
cat >/run/rig/s3.json <<JSON
{"identities": [{"name": "root", "credentials": [{"accessKey": "$user", "secretKey": "$password"}], "actions": ["Admin"]}]}
JSON
unset MINIO_ROOT_USER MINIO_ROOT_PASSWORD
cd "$folder"
rm -f mini.options
HOME=$folder GOGC=50 weed -config_dir=/run/rig -logdir=/run/rig/log mini -dir="$folder" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
  -s3.port=8333 -s3.config=/run/rig/s3.json -s3.allowDeleteBucketNotEmpty=false -s3.autoCreateBucket=false -s3.iam=false \
  -s3.port.iceberg=0 -s3.port.lance=0 -webdav=false -admin.ui=false -disableHttp=true -master.telemetry=false \
  -master.resumeState=false -master.volumeSizeLimitMB=256 -volume.max=200 -volume.preStopSeconds=0 &
weed=$!
nginx -c /run/rig/nginx.conf &
nginx=$!
# Con una conexión sin usar, weed esperaría 30 s antes de irse: nginx las cierra primero, y un corte brusco no pierde nada.
stop() {
  kill -TERM $nginx $weed 2>/dev/null || true
  for _ in $(seq 25); do
    kill -0 $weed 2>/dev/null || exit 0
    sleep 0.1
  done
  kill -KILL $weed 2>/dev/null
  exit 0
}
trap stop TERM INT
# Con que caiga una de las dos mitades, cae el contenedor.
wait -n $weed $nginx || true
stop
