# memscan alone, for an ordinary user: `docker build -t memscan .`, then `docker run --rm memscan bert-base-cased`.
# Alpine serves, since all that memscan needs has wheels for musl (hf-xet, PyYAML, safetensors) on x86-64 and arm64.
FROM python:3.13-alpine3.22 AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
# The environment has no pip of its own: nothing is installed later.
RUN python -m venv --without-pip /opt/memscan \
    && python -m pip --python /opt/memscan/bin/python install --no-cache-dir --disable-pip-version-check --root-user-action=ignore .

FROM python:3.13-alpine3.22
LABEL org.opencontainers.image.title="memscan" \
      org.opencontainers.image.description="How much memory a model needs, read from the headers of its checkpoint" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/memscan /opt/memscan
RUN adduser -D -u 10001 memscan
# Files that a mounted folder holds are read as models and budgets, never imported.
ENV PATH=/opt/memscan/bin:$PATH PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["memscan"]
CMD ["--help"]
