#!/bin/sh
# An authority and a certificate of it for the four hosts, below /certificates. What is there stays:
# containers that run trust it.
set -eu

folder=${1:-/certificates}
cd "$folder"
if [ -s ca.pem ] && [ -s leaf.pem ] && [ -s leaf.key ]; then
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/leaf.ext" <<'EXT'
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:auth.localhost, DNS:docs.localhost, DNS:chat.localhost, DNS:zulip.localhost
EXT
cat >"$work/ca.conf" <<'CONF'
[req]
prompt = no
distinguished_name = name
x509_extensions = authority
[name]
CN = Authority of the mirror
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
CONF

openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
openssl req -x509 -new -key "$work/ca.key" -config "$work/ca.conf" -days 365 -out "$work/ca.pem"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/leaf.key"
openssl req -new -key "$work/leaf.key" -config "$work/ca.conf" -subj "/CN=docs.localhost" \
    -out "$work/leaf.csr"
openssl x509 -req -in "$work/leaf.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" \
    -set_serial "0x$(openssl rand -hex 8)" -days 365 -extfile "$work/leaf.ext" -out "$work/leaf.pem"

# The authority's key goes with the container: nothing else is ever signed with it.
chmod 0644 "$work/ca.pem" "$work/leaf.pem"
chmod 0600 "$work/leaf.key"
mv "$work/leaf.key" "$work/leaf.pem" .
# Last, so that whoever sees it sees the rest.
mv "$work/ca.pem" .
