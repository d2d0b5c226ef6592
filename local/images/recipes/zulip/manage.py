#!/bin/sh
# At upstream's path, by upstream's name; the container's variables say where the database is.
exec understudy --container manage.py "$@"
