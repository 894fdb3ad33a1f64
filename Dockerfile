# The gateway and what it runs on, nothing else: no shell, no package manager, a root file system that may be read-only.
#
#   docker build -t bearergate .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -p 8080:8080 \
#     -v "$PWD/gateway:/etc/bearergate:ro" bearergate
#
# The configuration is /etc/bearergate/gateway.yaml, with `listen.host` 0.0.0.0: docs/running/container.md has one to begin
# with. Mount the folder, not the file: an editor that replaces a file would leave the container with the old one. Stop it
# with time to drain: docker stop -t 40.

ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
# What no program reads of them; licences stay.
RUN find node_modules -depth -type d \
      \( -name test -o -name docs -o -name examples -o -name benchmarks -o -name browser -o -name .github \) -exec rm -r {} + \
  && find node_modules -type f \
      \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -name '*.md' -o -name '.*' \) ! -iname 'licen*' -delete

FROM dependencies AS build
RUN npm ci --ignore-scripts
COPY tsconfig.json build.mjs build.d.mts ./
COPY src src
COPY release release
RUN npm run release:build

# Node's binary with the libraries that it is linked to, and Debian's records of their packages, which scanners read.
FROM ${NODE_IMAGE} AS system
RUN mkdir -p /rootfs/var/lib/dpkg/status.d /rootfs/tmp \
  && chmod 1777 /rootfs/tmp \
  && { command -v node; echo /etc/os-release; ldd "$(command -v node)" | grep -o '/[^ ]*'; } \
     | xargs cp --parents --dereference --target-directory=/rootfs \
  && for package in libc6 libgcc-s1 libstdc++6; do \
       dpkg-query --status "$package" > "/rootfs/var/lib/dpkg/status.d/$package"; \
     done

FROM scratch
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="bearergate" \
  org.opencontainers.image.description="A reverse proxy that checks the bearer token of every request and says exactly why it refuses one" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
COPY --from=system /rootfs /
WORKDIR /app
COPY LICENSE package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist/main.js /app/dist/prompts.js /app/dist/package.json dist/
COPY --from=build /app/dist/THIRD-PARTY-NOTICES.txt /app/dist/bom.cdx.json dist/
# What `bearergate demo` runs, and the same for published ports: demo --config /app/config/compose/demo.yaml
COPY config/gateway.yaml config/gateway.yaml
COPY config/compose/demo.yaml config/compose/demo.yaml
ENV NODE_ENV=production BEARERGATE_CONFIG=/etc/bearergate/gateway.yaml
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/main.js"]
CMD ["start"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["/usr/local/bin/node", "/app/dist/main.js", "health"]
