# krm-sops as a container function (kustomize, kpt); `--entrypoint kubectl-sops` gives the command line.
#   docker build -t krm-sops .                              age keys only
#   docker build -t krm-sops --build-arg EXTRAS=aws,gcp .   with the clients of those key services
# kustomize runs functions as `nobody`, without network, and with nothing mounted but what the function's
# annotation names: mount the folder with the encrypted files at /work, and pass SOPS_AGE_KEY by name.
FROM python:3.13-slim AS build
ARG EXTRAS=
COPY . /src
# an environment of its own, byte-compiled here: a function starts anew for every build
RUN python -m venv /opt/kubectl-sops \
 && /opt/kubectl-sops/bin/pip install --no-cache-dir "/src${EXTRAS:+[$EXTRAS]}" \
 && /opt/kubectl-sops/bin/pip uninstall --yes pip

FROM python:3.13-slim
COPY --from=build /opt/kubectl-sops /opt/kubectl-sops
ENV PATH=/opt/kubectl-sops/bin:$PATH
USER nobody
WORKDIR /work
ENTRYPOINT ["krm-sops"]
