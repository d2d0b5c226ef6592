# Python for where no registry can be reached:
# docker build -t phoenix.local/python:current -f python.Dockerfile .
FROM phoenix.local/base:current
RUN apt-get update && apt-get install -y --no-install-recommends python3-minimal libpython3-stdlib \
    && rm -rf /var/lib/apt/lists/*
