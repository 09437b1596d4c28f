# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS install
WORKDIR /app
COPY package.json package-lock.json ./
# Without the embedded PostgreSQL: in a container the database is named by DATABASE_URL.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

# The viewer of the API's description: two files of a development dependency.
FROM node:24-bookworm-slim AS viewer
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="tollgate" \
      org.opencontainers.image.description="Policy decision service of LLM gateways" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    TOLLGATE_DATA_LISTEN=0.0.0.0:8081 \
    TOLLGATE_ADMIN_LISTEN=0.0.0.0:8080
WORKDIR /app
COPY --from=install /app/node_modules ./node_modules
COPY --from=viewer /app/node_modules/swagger-ui-dist/swagger-ui-bundle.js /app/node_modules/swagger-ui-dist/swagger-ui.css ./viewer/
COPY package.json LICENSE ./
COPY docs/openapi.json ./docs/openapi.json
COPY bin ./bin
COPY gen ./gen
COPY src ./src
RUN mkdir -p /app/.tollgate && chown -R node:node /app/.tollgate
USER node
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/tollgate.js", "serve"]
