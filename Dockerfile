# The operator's image: amd64 and arm64, any user id, a read-only root; only /tmp and /var/lib/auditwatch are written.
#
# Releases pass PYTHON with the digest the name had at that moment (.github/workflows/release.yaml). A machine that
# reaches packages through a mirror gives its pip.conf, where `cert` names /run/secrets/ca, and its bundle of
# certificates; both stay out of the image: docker build --secret id=pip,src=pip.conf --secret id=ca,src=bundle.pem .
ARG PYTHON=python:3.13-slim

# The project's wheel, once for all architectures.
FROM --platform=$BUILDPLATFORM ${PYTHON} AS wheel
WORKDIR /source
COPY requirements/build.txt requirements/build.txt
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca PIP_CONFIG_FILE=/run/secrets/pip \
    python3 -m pip install --no-cache-dir --root-user-action=ignore --require-hashes --target /build -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN PYTHONPATH=/build python3 -m hatchling build --target wheel --directory /wheel

# Everything it needs, from the lock file; only wheels, so that no compiler is ever called for.
FROM ${PYTHON} AS packages
COPY requirements/runtime.txt requirements/runtime.txt
RUN python3 -m venv --without-pip /opt/auditwatch
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca PIP_CONFIG_FILE=/run/secrets/pip \
    python3 -m pip --python /opt/auditwatch/bin/python install --no-cache-dir --no-compile \
        --no-deps --only-binary :all: --require-hashes -r requirements/runtime.txt
# Bytecode that is never compared with its source: a read-only root could not keep what a start compiles.
RUN /opt/auditwatch/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/auditwatch/lib \
    && echo /opt/auditwatch/project > "$(echo /opt/auditwatch/lib/python3.*/site-packages)/project.pth"

# The project beside its packages: an upgrade that changes none of them is one small layer.
FROM packages AS project
COPY --from=wheel /wheel /wheel
RUN python3 -m pip --python /opt/auditwatch/bin/python install --no-index --no-compile --no-deps \
        --target /opt/auditwatch/project /wheel/*.whl \
    && /opt/auditwatch/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/auditwatch/project

FROM ${PYTHON}
# The base without its package installer, and with the standard library's bytecode, which slim bases leave out.
RUN python3 -m pip uninstall --yes --quiet --root-user-action=ignore pip \
    && python3 -c 'import shutil, sysconfig; shutil.rmtree(sysconfig.get_path("stdlib") + "/ensurepip")' \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(site-packages|dist-packages|test|tests|idlelib|lib2to3|turtledemo)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && install -d -o 65532 -g 0 -m 0770 /var/lib/auditwatch
COPY --from=packages /opt/auditwatch /opt/auditwatch
COPY --from=project /opt/auditwatch/project /opt/auditwatch/project
ENV PATH=/opt/auditwatch/project/bin:/opt/auditwatch/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1
# After everything that takes time: another revision is another image of the same layers.
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="k10-auditwatch" \
      org.opencontainers.image.description="Security monitor for Kasten K10" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/auditwatch/bin/python", "-m", "auditwatch"]
CMD ["run"]
