# Troupe for production: any role of it, started as `up --role gateway|agent|worker` (docs/guide/many-processes.md).
FROM node:24-bookworm-slim

WORKDIR /app
# The packages first: they change less often than what is in them.
COPY package.json package-lock.json .npmrc tsconfig.base.json ./
COPY contracts/package.json contracts/
COPY server/package.json server/
COPY console/package.json console/
COPY testing/package.json testing/
COPY bench/package.json bench/
RUN npm ci --omit=dev && npm cache clean --force

COPY troupe LICENSE ./
COPY scripts scripts
COPY contracts contracts
COPY console console
COPY server server
# The chat page is built here and not by each start. The home is the container's own; what must last is in the database
# and under blobs.url.
RUN node scripts/bootstrap.mjs \
  && node --input-type=module -e "const { openPageBuild } = await import('/app/server/src/app/page/index.ts'); \
    await openPageBuild('/data', { signal: new AbortController().signal }).folder" \
  && mkdir -p .cache/compile /data/agents /blobs \
  && chown -R node:node .cache /data /blobs

ENV NODE_ENV=production TROUPE_HOME=/data
USER node
EXPOSE 8080 9090 9091
# Every role answers there.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9090/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/app/troupe"]
CMD ["up"]
