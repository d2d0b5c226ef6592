#!/bin/sh
# A certificate authority and one certificate for the names that are given, unless they are there.
# /certificates: authority.pem, leaf.pem (with the authority), leaf.key, bundle.pem (what clients trust).
set -eu
cd /certificates
if [ -s bundle.pem ]; then
    exit 0
fi
umask 022
names=""
for name in "$@"; do
    names="${names:+$names,}DNS:$name"
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=local authority" -addext "basicConstraints=critical,CA:TRUE" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout authority.key -out authority.pem
printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' "$names" >leaf.cnf
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
    -keyout leaf.key -out leaf.csr
openssl x509 -req -in leaf.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 825 \
    -extfile leaf.cnf -out leaf.crt
cat leaf.crt authority.pem >leaf.pem
# Traefik may run as somebody else.
chmod 0644 leaf.key
rm -f authority.key leaf.csr leaf.cnf leaf.crt authority.srl
# Last, and whole or not at all: its being there says that everything is.
cp authority.pem bundle.partial
mv bundle.partial bundle.pem
