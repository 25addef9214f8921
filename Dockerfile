# Footfall on its own: what it needs, from the lock with hashes, and the code of this checkout.
FROM python:3.11-slim AS build
RUN python -m venv /opt/footfall
COPY requirements.lock /build/
RUN /opt/footfall/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /build/requirements.lock
COPY pyproject.toml README.md LICENSE /build/
COPY src /build/src
COPY sdk /build/sdk
RUN /opt/footfall/bin/pip install --no-cache-dir --disable-pip-version-check --no-build-isolation --no-deps /build

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin footfall \
 && install --directory --owner footfall --group footfall --mode 0700 /data
COPY --from=build /opt/footfall /opt/footfall
ENV PATH=/opt/footfall/bin:$PATH \
    FOOTFALL_DATA=/data \
    FOOTFALL_LOG_FORMAT=json
USER footfall
VOLUME /data
EXPOSE 8080
# A start after a crash reads the end of the log again, which is no reason to give it up.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/ready', timeout=4)"]
# The process itself, with no shell around it, so that it is told to stop and finishes what it took.
ENTRYPOINT ["footfall"]
CMD ["serve", "--host", "0.0.0.0"]
